from pathlib import Path

import pytest

from cloud.cases.model import Action
from cloud.errors import ConfigError
from cloud.notify.targets import Webhook, load_targets

GOOD = """
page = "https://ops.example"

[mail]
host = "127.0.0.1"
port = 25
sender = "busense@county.example"
security = "none"

[[webhooks]]
key = "county"
url = "https://county.example/hook"
secret_file = "secret"

[[people]]
key = "liu"
channel = "email"
address = "liu@county.example"
quiet = ["22:00", "07:00"]
digest_min = 60
classes = ["D40"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "notify.toml"
    path.write_text(text)
    return path


def test_good_file_is_read(tmp_path: Path) -> None:
    found = load_targets(write(tmp_path, GOOD))

    assert [target.key for target in found.everybody] == ["county", "liu"]
    assert load_targets(None).everybody == []


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("https://county.example/hook", "http://county.example/hook", 10),
        ("https://county.example/hook", "https://user:pass@county.example/hook", 10),
        ("https://county.example/hook", "file:///etc/passwd", 10),
        ('channel = "email"', 'channel = "pigeon"', 17),
        ('classes = ["D40"]', 'colour = "red"', 21),
        ('quiet = ["22:00"', 'quiet = ["22:00+08:00"', 19),
        ('key = "liu"', 'key = "county"', 1),
        ('host = "127.0.0.1"', 'host = "mail.county.example"', 4),
        ("liu@county.example", "liu@county.example\\nBcc: all@county.example", 18),
    ],
)
def test_wrong_line_is_named(tmp_path: Path, good: str, bad: str, line: int) -> None:
    with pytest.raises(ConfigError, match=rf"notify\.toml, line {line}:"):
        load_targets(write(tmp_path, GOOD.replace(good, bad)))


def test_target_hears_what_it_wants() -> None:
    webhook = Webhook(
        key="county", url="https://county.example/hook", secret_file=Path("x"), classes=["D40"], units=["roads"]
    )

    assert webhook.wants(action=Action.DONE, class_code="D40", unit="roads")
    assert not webhook.wants(action=Action.ADD_SIGHTING, class_code="D40", unit="roads")
    assert not webhook.wants(action=Action.DONE, class_code="D00", unit="roads")
    assert not webhook.wants(action=Action.DONE, class_code="D40", unit=None)


def test_target_hears_of_an_escalation_to_it() -> None:
    webhook = Webhook(key="mayor", url="https://county.example/hook", secret_file=Path("x"), classes=["D40"])

    assert webhook.wants(action=Action.ESCALATE, class_code="D00", unit=None, to="mayor")
    assert not webhook.wants(action=Action.ESCALATE, class_code="D00", unit=None, to="admin")
