"""`busense enrol` on a bus: a certificate for a code, and its renewal."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import ValidationError

from edge_agent.config import Cloud, load_config
from edge_agent.enrol import enrol as exchange
from edge_agent.enrol import expiry_of, renew_if_due
from edge_agent.errors import ConfigurationError

_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--config", "config_file", type=_path, required=True, envvar="BUSENSE_AGENT_CONFIG", help="TOML file.")
@click.option("--code", help="Of `busense fleet enrol`; without it the certificate is renewed if due.")
def enrol(config_file: Path, code: str | None) -> None:
    """Get this bus its certificate, or the next one before it ends (a timer may call this each day)."""
    if code is not None:
        click.echo(f"enrolled as {_enrol(config_file, code)}")
        return
    config = load_config(config_file)
    is_new = renew_if_due(config, now=datetime.now(UTC))
    ends_at = expiry_of(config.identity.certificate_file or Path())
    click.echo(f"{'renewed' if is_new else 'not due yet'}: good until {ends_at:%Y-%m-%d}")


def _enrol(config_file: Path, code: str) -> str:
    """Before the first enrolment the named files are not there yet, so the configuration is read as it stands."""
    try:
        document = tomllib.loads(config_file.read_text(encoding="utf-8"))
        identity, folder = document["identity"], config_file.resolve().parent
        cloud = Cloud.model_validate(document["cloud"], context=folder)
        files = {name: folder / identity[name] for name in ("certificate_file", "secret_file")}
        device = str(identity["device"])
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise ConfigurationError(
            f"{config_file}: identity.device, certificate_file, secret_file and cloud are needed: {error}"
        ) from error
    return exchange(cloud, device=device, code=code, **files)
