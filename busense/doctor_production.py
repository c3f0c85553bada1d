"""`busense doctor --production`: what may be at a desk or in a demo and must not be where a county depends on it.

It looks at the configuration, and at when the last purge was; that the servers answer is the other checks' business.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from busense.errors import NotForProductionError

if TYPE_CHECKING:
    from cloud.config import CloudConfig
    from edge_agent.config import AgentConfig

_SAFE_BROKERS: Final = ("tls", "mqtts")
_SHORTEST_SECRET: Final = 16
_KNOWN_SECRETS: Final = frozenset({"password", "changeme", "secret", "demo", "busense", "cloud", "postgres", "admin"})
NEWEST_BACKUP_H: Final = 26
NEWEST_PURGE: Final = timedelta(hours=26)

Finding = tuple[str, str]  # name of the check, what is wrong


def faults_of_cloud(config: "CloudConfig", *, backups: Path | None, now_s: float) -> Iterator[Finding]:
    """Everything that is not fit for production; nothing when all is."""
    if config.broker is None or urlsplit(config.broker.url).scheme not in _SAFE_BROKERS:
        yield "broker", "the broker is reached without TLS: a broker.url of tls:// or mqtts:// is expected"
    if config.broker is not None and is_weak(config.broker.read_password() or ""):
        yield "broker", "the broker's password is short or known: one of 16 random characters is expected"
    if not (config.serve.public_url or "").startswith("https://"):
        yield "pages", "people reach the pages without TLS: a serve.public_url of https:// is expected"
    yield from _accounts(config)
    yield from _database(config)
    if config.fleet.authority is None:
        yield "fleet", "buses have no certificates: fleet.authority is not set"
    if config.serve.contact is None:
        yield "notice", "the public notice does not say who answers: serve.contact is not set"
    if for_ever := _kept_for_ever(config):
        yield "retention", f"kept for ever, without a rule in the file of work.retention: {', '.join(for_ever)}"
    if config.pictures.url.startswith("memory:"):
        yield "pictures", "pictures are kept in memory only"
    yield from _backup(backups, now_s=now_s)


def purge_check(last: tuple[datetime, bool] | None, *, at: datetime) -> str:
    """What the check of the last purge says: when it was, and whether what it left adds up.

    Raises:
        NotForProductionError: it is missing, old, or not proven.
    """
    if last is None:
        raise NotForProductionError("nothing was ever purged: `busense work` does it once a day")
    purged_at, is_proven = last
    if at - purged_at > NEWEST_PURGE:
        hours = (at - purged_at).total_seconds() / 3600
        raise NotForProductionError(
            f"the last purge was {hours:.0f} h ago: does `busense work` run, and is the clock right?"
        )
    if not is_proven:
        raise NotForProductionError("the last purge left what it should not: see `busense retention report`")
    return f"purged at {purged_at:%Y-%m-%dT%H:%M:%SZ}, and what is left adds up"


def faults_of_bus(config: "AgentConfig") -> Iterator[Finding]:
    """The same for a bus."""
    urls = [*([config.broker.url] if config.broker.url is not None else []), *config.broker.relays]
    for url in urls:
        if not url.startswith("mqtts://"):
            yield "broker", f"{url} is reached by plain MQTT: mqtts:// is expected"
    if not config.cloud.url.startswith("https://"):
        yield "cloud", "pictures go by plain HTTP: a cloud.url of https:// is expected"
    if config.identity.certificate_file is None:
        yield "identity", "the bus has no certificate: identity.certificate_file is not set (`busense enrol`)"
    if is_weak(config.identity.secret()):
        yield "identity", "the bus's secret is short or known"


def is_weak(secret: str) -> bool:
    """Whether a secret is short, known, or of few different characters."""
    return (
        len(secret) < _SHORTEST_SECRET or secret.lower() in _KNOWN_SECRETS or len(set(secret)) < _SHORTEST_SECRET // 2
    )


def production_check(faults: list[Finding], name: str) -> str:
    """What one check says.

    Raises:
        NotForProductionError: with all that is wrong.
    """
    wrong = [text for known, text in faults if known == name]
    if wrong:
        raise NotForProductionError("; ".join(wrong))
    return "fit for production"


def _accounts(config: "CloudConfig") -> Iterator[Finding]:
    if config.serve.demo:
        yield "accounts", "serve.demo lets everybody in as somebody by a click"
    if config.serve.visitors:
        yield "accounts", "serve.visitors lets everybody look who has not signed in"
    if config.serve.vault_file is None:
        yield "accounts", "second factors and links just made lie in the clear: serve.vault_file is not set"
    if config.serve.oidc is not None and not config.serve.oidc.issuer.startswith("https://"):
        yield "accounts", "the provider is reached without TLS: a serve.oidc.issuer of https:// is expected"


def _kept_for_ever(config: "CloudConfig") -> list[str]:
    from cloud.work.retention_rules import kept_for_ever, load_retention  # noqa: PLC0415

    return kept_for_ever(load_retention(config.work.retention))


def _database(config: "CloudConfig") -> Iterator[Finding]:
    parts = urlsplit(config.database.read_url())
    is_near = parts.hostname in {None, "localhost", "127.0.0.1", "::1"}
    if config.database.url is not None:
        yield "database", "the database's password stands in the configuration: use database.url_file"
    if is_weak(parts.password or "") and not (is_near and parts.password is None):
        yield "database", "the database's password is short or known"
    if not is_near and not any(mode in parts.query for mode in ("sslmode=verify-full", "sslmode=verify-ca")):
        yield "database", "the database is reached without a checked certificate: sslmode=verify-full is expected"


def _backup(folder: Path | None, *, now_s: float) -> Iterator[Finding]:
    if folder is None:
        yield "backup", "no backup is known: name its folder with --backups"
        return
    files = [file for file in folder.glob("*") if file.is_file() and file.suffix != ".copy"]
    files += folder.glob("*/manifest.json")  # which `busense backup` writes last: what lacks it is no backup
    newest_s = max((file.stat().st_mtime for file in files), default=None)
    if newest_s is None:
        yield "backup", f"{folder} holds no backup"
    elif now_s - newest_s > NEWEST_BACKUP_H * 3600:
        yield "backup", f"the newest backup in {folder} is {(now_s - newest_s) / 3600:.0f} h old"
