#!/bin/sh
# Install the agent on a Raspberry Pi (64-bit Debian 12) or a Jetson: sudo sh install-agent.sh busense-0.1.0-py3-none-any.whl
# Run it again to update. Configuration and outbox are left alone.
set -eu
wheel=$(realpath "$1")
here=$(dirname "$(realpath "$0")")

apt-get -qq update
apt-get -qq install -y python3-venv
id busense >/dev/null 2>&1 || useradd --system --home-dir /var/lib/busense busense
install -d -m 755 /opt/busense /etc/busense
[ -x /opt/busense/venv/bin/python ] || python3.11 -m venv /opt/busense/venv
/opt/busense/venv/bin/python -m pip install --quiet --upgrade "$wheel[edge]"

[ -e /etc/busense/agent.toml ] || install -m 644 "$here/agent.example.toml" /etc/busense/agent.toml
if [ ! -e /etc/busense/secret ]; then
  (umask 077 && head -c 24 /dev/urandom | base64 >/etc/busense/secret)
  chown busense /etc/busense/secret
fi
install -m 644 "$here/busense-agent.service" /etc/systemd/system/busense-agent.service
systemctl daemon-reload
echo "Now edit /etc/busense/agent.toml, enrol the bus with the text of /etc/busense/secret, then:"
echo "  systemctl enable --now busense-agent && journalctl -fu busense-agent"
