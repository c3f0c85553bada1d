"""Each thing that must not be in production is refused by its name."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from busense.doctor import doctor
from busense.doctor_production import NEWEST_BACKUP_H, NEWEST_PURGE, faults_of_cloud, purge_check
from busense.errors import NotForProductionError
from cloud.config import CloudConfig
from cloud.work.retention_rules import kept_for_ever, load_retention
from edge_agent.config import load_config

SECRET = "q7Vt9mZ2Lx0pRw4sKd8f"  # noqa: S105
NOW_S = 1_900_000_000.0
NOW = datetime.fromtimestamp(NOW_S, UTC)


def config(folder: Path, **changes: dict[str, Any]) -> CloudConfig:
    (folder / "password").write_text(SECRET)
    (folder / "url").write_text(f"postgresql://busense:{SECRET}@db.county:5432/busense?sslmode=verify-full")
    sections: dict[str, dict[str, Any]] = {
        "database": {"url_file": folder / "url"},
        "broker": {"url": "tls://broker:4222", "user": "cloud", "password_file": folder / "password"},
        "serve": {"public_url": "https://busense.county", "vault_file": folder / "vault.key", "contact": "dpo@county"},
        "fleet": {"authority": folder},
    }
    values = {name: sections.get(name, {}) | changes.get(name, {}) for name in {*sections, *changes}}
    return CloudConfig.model_validate({"city": "county"} | values)


def faults(
    folder: Path, changes: dict[str, dict[str, Any]] | None = None, *, backup_age_h: float | None = 1.0
) -> dict[str, str]:
    backups = folder / "backups"
    backups.mkdir()
    if backup_age_h is not None:
        (backups / "busense.dump").touch()
        os.utime(backups / "busense.dump", (NOW_S - 3600 * backup_age_h, NOW_S - 3600 * backup_age_h))
    return dict(faults_of_cloud(config(folder, **(changes or {})), backups=backups, now_s=NOW_S))


def test_a_sound_configuration_has_no_faults(tmp_path: Path) -> None:
    assert faults(tmp_path) == {}


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"broker": {"kind": "mqtt", "url": "mqtt://broker"}}, "broker", "without TLS"),
        ({"broker": {"url": "nats://broker"}}, "broker", "without TLS"),
        ({"serve": {"public_url": None}}, "pages", "without TLS"),
        ({"serve": {"public_url": "http://busense.county"}}, "pages", "without TLS"),
        ({"serve": {"demo": True}}, "accounts", "by a click"),
        ({"serve": {"visitors": True}}, "accounts", "not signed in"),
        ({"serve": {"vault_file": None}}, "accounts", "second factors"),
        ({"database": {"url": "postgresql://u@localhost/x", "url_file": None}}, "database", "url_file"),
        ({"fleet": {"authority": None}}, "fleet", "certificates"),
        ({"pictures": {"url": "memory://"}}, "pictures", "memory"),
        ({"serve": {"contact": None}}, "notice", "who answers"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, changes: dict[str, dict[str, Any]], name: str, words: str) -> None:
    assert words in faults(tmp_path, changes)[name]


def test_a_class_that_is_kept_for_ever_is_refused_and_the_shipped_file_has_none(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[pictures]\ndays = 365\n[track_points]\ndays = 90\n")
    found = faults(tmp_path, {"work": {"retention": rules}})["retention"]
    assert "device_commands" in found
    assert "pictures" not in found
    assert kept_for_ever(load_retention(None)) == []


@pytest.mark.parametrize("secret", ["", "changeme", "0123456789", "aaaaaaaaaaaaaaaaaaaaaa"])
def test_a_weak_secret_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    weak = tmp_path / "weak"
    weak.write_text(secret)
    told = faults(tmp_path, {"broker": {"password_file": weak}})["broker"]
    assert "short or known" in told
    assert not secret or secret not in told


@pytest.mark.parametrize(("age_h", "words"), [(None, "holds no backup"), (NEWEST_BACKUP_H + 1, "27 h old")])
def test_a_backup_must_be_there_and_fresh(tmp_path: Path, age_h: float | None, words: str) -> None:
    assert words in faults(tmp_path, backup_age_h=age_h)["backup"]


def test_of_the_folders_of_busense_backup_only_whole_ones_count(tmp_path: Path) -> None:
    def found() -> str | None:
        now_s = time.time()
        return dict(faults_of_cloud(config(tmp_path), backups=tmp_path / "backups", now_s=now_s)).get("backup")

    tonight = tmp_path / "backups" / "2026-11-30"
    tonight.mkdir(parents=True)
    for folder in (tonight.parent, tonight):
        (folder / "cases.copy").touch()
    assert "holds no backup" in (found() or "")  # it broke off
    (tonight / "manifest.json").touch()
    assert found() is None


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, "nothing was ever purged"),
        ((NOW - NEWEST_PURGE - timedelta(hours=1), True), "27 h ago"),
        ((NOW - timedelta(hours=1), False), "left what it should not"),
    ],
)
def test_a_purge_must_be_of_today_and_proven(last: tuple[datetime, bool] | None, words: str) -> None:
    with pytest.raises(NotForProductionError, match=words):
        purge_check(last, at=NOW)


def test_a_proven_purge_of_today_is_in_order() -> None:
    assert "adds up" in purge_check((NOW - timedelta(hours=25), True), at=NOW)


def test_no_backup_named_is_no_backup(tmp_path: Path) -> None:
    assert "--backups" in dict(faults_of_cloud(config(tmp_path), backups=None, now_s=NOW_S))["backup"]


def test_the_demo_is_refused_by_the_command(tmp_path: Path) -> None:
    from busense.demo_place import Place  # noqa: PLC0415

    place = Place(folder=tmp_path)
    place.make_secrets([])
    place.write_config(database_url="postgresql://u:p@127.0.0.1/x", broker_url="nats://127.0.0.1:4222", port=8080)
    result = CliRunner().invoke(doctor, ["--production", "--config", str(place.config)])
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert all(name in last for name in ("broker", "pages", "accounts", "retention", "backup")), result.output


def test_a_bus_with_plain_connections_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short")
    file = tmp_path / "agent.toml"
    file.write_text(
        '[identity]\ncity = "county"\ndevice = "bus-1"\nsecret_file = "secret"\n[broker]\nurl = "mqtt://broker"\n'
        '[cloud]\nurl = "http://cloud"\n[camera]\nwidth_px = 640\nheight_px = 480\nfocal_px = 500\nheight_m = 2\n'
        'pitch_deg = 5\n[outbox]\npath = "outbox.db"\n'
    )
    load_config(file)
    result = CliRunner().invoke(doctor, ["--production", "--agent", str(file)])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "needs attention: broker, cloud, identity"
