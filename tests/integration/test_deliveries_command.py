"""Dead letters on the command line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud.commands.deliveries import deliveries
from cloud.errors import CloudError
from cloud.notify.timing import RETRIES
from tests.integration import test_notify
from tests.integration.receiver import Receiver
from tests.integration.test_notify import notify, webhooks
from tests.integration.town import Town

receiver, town = test_notify.receiver, test_notify.town  # fixtures


def call(*arguments: str) -> Result:
    return CliRunner().invoke(deliveries, list(arguments))


def test_dead_letters_are_listed_and_sent_again(
    town: Town, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", town.url)
    receiver.answers = [500] * (len(RETRIES) + 1)
    targets, now = webhooks(receiver, tmp_path), datetime.now(UTC)
    for day in range(len(RETRIES) + 1):
        notify(town, targets, at=now - timedelta(days=30 - day))
    assert "webhook\tcounty" in call("list").output
    dead = call("list").output.split("\t")[0]
    assert call("replay", "--id", dead).output == "1 will be sent again\n"
    assert isinstance(call("replay", "--id", dead).exception, CloudError)
    assert call("list").output == ""
    notify(town, targets)
    assert dead in call("list", "--state", "sent").output
