# ruff: noqa: ANN401 - JSON is of any type
"""What leaves the system, to real receivers on this machine."""

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, LiteralString

import pytest
from standardwebhooks import Webhook as Verifier

from cloud.cases.handling import load_handling
from cloud.db.pool import connect
from cloud.notify import repository
from cloud.notify.notifier import Notifier
from cloud.notify.targets import Mail, Person, Targets, Webhook
from cloud.notify.timing import RETRIES
from cloud.notify.wishes import Wish, write_wish
from tests.integration.receiver import Receiver, running_receiver
from tests.integration.town import Town

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as told:
        yield told


@pytest.fixture
def town(database: str) -> Town:
    """A town with one pothole whose case was filed: one event to tell."""
    town = Town(url=database)
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()
    return town


def webhooks(receiver: Receiver, folder: Path, **more: Any) -> Targets:
    (folder / "secret").write_text(SECRET)
    return Targets(webhooks=[Webhook(key="county", url=receiver.url, secret_file=folder / "secret", **more)])


def notify(town: Town, targets: Targets, *, at: datetime | None = None) -> int:
    with connect(town.url, autocommit=True) as connection:
        notifier = Notifier(
            connection=connection,
            targets=targets,
            handling=load_handling(),
            now=lambda: at or datetime.now(UTC),
            chance=lambda: 0.5,
        )
        return notifier.run()


def deliveries(town: Town) -> list[dict[str, Any]]:
    return town.rows("SELECT * FROM deliveries ORDER BY id")


def test_receiver_can_verify_what_it_gets(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    assert notify(town, webhooks(receiver, tmp_path)) == 1

    ((headers, body),) = receiver.got
    event = Verifier(SECRET).verify(body, headers)
    assert event["type"] == "case.file"
    assert event["data"]["case"]["class_code"] == "D40"
    assert event["data"]["to_state"] == "filed"
    assert [row["state"] for row in deliveries(town)] == ["sent"]


def test_nothing_is_sent_twice(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    for _ in range(3):
        notify(town, webhooks(receiver, tmp_path))

    assert len(receiver.got) == 1


def test_failed_delivery_is_tried_again_later_under_the_same_id(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [500, 503]
    targets, now = webhooks(receiver, tmp_path), datetime.now(UTC)
    notify(town, targets, at=now)
    assert notify(town, targets, at=now + timedelta(seconds=1)) == 0
    notify(town, targets, at=now + timedelta(seconds=10))
    notify(town, targets, at=now + timedelta(minutes=2))

    assert len(receiver.got) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert [row["state"] for row in deliveries(town)] == ["sent"]


def test_dead_letter_is_kept_and_can_be_replayed(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [500] * (len(RETRIES) + 1)
    targets, now = webhooks(receiver, tmp_path), datetime.now(UTC)
    for day in range(len(RETRIES) + 1):
        notify(town, targets, at=now + timedelta(days=day))
    (dead,) = deliveries(town)
    assert (dead["state"], dead["last_error"]) == ("dead", "HTTP 500: ")

    later = now + timedelta(days=30)
    with connect(town.url) as connection:
        assert repository.replay(connection, dead["id"], at=later) == 1
    notify(town, targets, at=later)
    assert [row["state"] for row in deliveries(town)] == ["sent"]


@pytest.mark.parametrize(("answer", "state"), [(410, "dead"), (302, "waiting")], ids=["gone", "redirect"])
def test_receiver_that_is_gone_or_elsewhere_is_not_followed(
    town: Town, receiver: Receiver, tmp_path: Path, answer: int, state: str
) -> None:
    receiver.answers = [answer]
    notify(town, webhooks(receiver, tmp_path))

    assert len(receiver.got) == 1
    assert [row["state"] for row in deliveries(town)] == [state]


def test_receiver_that_is_away_is_waited_for(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    targets = webhooks(receiver, tmp_path)
    away = targets.model_copy(
        update={"webhooks": [targets.webhooks[0].model_copy(update={"url": "http://127.0.0.1:9/hook"})]}
    )
    notify(town, away)

    (row,) = deliveries(town)
    assert row["state"] == "waiting"
    assert "ConnectError" in row["last_error"]


def test_receiver_that_takes_nothing_holds_up_nobody(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    for number in range(3):
        town.sees(bus="bus-1", minutes=30 + number, north_m=80.0 * (number + 1))
        town.sees(bus="bus-2", minutes=50 + number, north_m=80.0 * (number + 1))
    town.store()
    town.work()
    targets = webhooks(receiver, tmp_path)
    with running_receiver() as other:
        other.answers = [503] * 9
        elsewhere = targets.webhooks[0].model_copy(update={"key": "away", "url": other.url})
        assert notify(town, targets.model_copy(update={"webhooks": [elsewhere, *targets.webhooks]})) == 5

    assert (len(other.got), len(receiver.got)) == (1, 4)


def test_target_without_interest_is_not_told(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    notify(town, webhooks(receiver, tmp_path, classes=["D00"]))

    assert receiver.got == []
    assert town.rows("SELECT * FROM case_events") == []


def test_target_that_was_taken_out_of_the_file_is_not_called(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [500]
    notify(town, webhooks(receiver, tmp_path))
    notify(town, Targets(), at=datetime.now(UTC) + timedelta(hours=1))

    assert len(receiver.got) == 1
    assert [row["state"] for row in deliveries(town)] == ["dead"]


def test_two_notifiers_send_once(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    for number in range(8):
        town.sees(bus="bus-1", minutes=30 + number, north_m=80.0 * (number + 1))
        town.sees(bus="bus-2", minutes=50 + number, north_m=80.0 * (number + 1))
    town.store()
    town.work()
    targets = webhooks(receiver, tmp_path)
    threads = [threading.Thread(target=notify, args=(town, targets)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receiver.got) == 9
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 9


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a client needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline().strip():
            if line.upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            self.wfile.write(b"221 bye\r\n" if line.upper() == b"QUIT" else b"250 ok\r\n")
            if line.upper() == b"QUIT":
                return


class _MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mails: list[bytes]


@pytest.fixture
def mail_server() -> Iterator[_MailServer]:
    server = _MailServer(("127.0.0.1", 0), _Smtp)
    server.mails = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def person(server: _MailServer, **more: Any) -> Targets:
    mail = Mail(host="127.0.0.1", port=server.server_address[1], sender="busense@county.example", security="none")
    liu = Person(key="liu", channel="email", address="liu@county.example", **more)
    return Targets(mail=mail, people=[liu], page="https://ops.example")


def test_mail_is_sent(town: Town, mail_server: _MailServer) -> None:
    notify(town, person(mail_server))

    (mail,) = mail_server.mails
    assert b"To: liu@county.example" in mail
    assert [row["state"] for row in deliveries(town)] == ["sent"]


def test_digest_puts_events_together(town: Town, mail_server: _MailServer) -> None:
    for number in range(3):
        town.sees(bus="bus-1", minutes=30 + number, north_m=80.0 * (number + 1))
        town.sees(bus="bus-2", minutes=50 + number, north_m=80.0 * (number + 1))
    town.store()
    town.work()
    targets = person(mail_server, digest_min=60)
    at = datetime(2026, 11, 24, 2, 10, tzinfo=UTC)
    assert notify(town, targets, at=at) == 0
    assert notify(town, targets, at=at + timedelta(hours=1)) == 4

    assert len(mail_server.mails) == 1


def test_quiet_hours_are_kept(town: Town, mail_server: _MailServer) -> None:
    targets = person(mail_server, quiet=(time(22), time(7)))
    night = datetime(2026, 11, 24, 16, tzinfo=UTC)  # midnight in China
    notify(town, targets, at=night)
    assert mail_server.mails == []
    notify(town, targets, at=night + timedelta(hours=7, minutes=1))

    assert len(mail_server.mails) == 1


def test_what_was_not_taken_before_quiet_hours_waits_for_their_end(town: Town) -> None:
    evening = datetime(2026, 11, 24, 13, 59, 58, tzinfo=UTC)  # two seconds to ten in China
    mail = Mail(host="127.0.0.1", port=9, sender="busense@county.example", security="none")  # nobody is there
    liu = Person(key="liu", channel="email", address="liu@county.example", quiet=(time(22), time(7)))
    notify(town, Targets(mail=mail, people=[liu]), at=evening)

    (waits,) = deliveries(town)
    assert (waits["attempts"], waits["next_at"]) == (1, datetime(2026, 11, 24, 23, tzinfo=UTC))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # apprise imports imghdr
def test_chat_is_told(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "chat").write_text(receiver.url.replace("http://", "json://"))
    group = Person(key="group", channel="chat", chat_url_file=tmp_path / "chat")
    notify(town, Targets(people=[group]))

    ((_, body),) = receiver.got
    assert "立案" in json.loads(body)["message"]


def test_chat_of_another_kind_is_refused(town: Town, tmp_path: Path) -> None:
    (tmp_path / "chat").write_text("syslog://localhost")
    notify(town, Targets(people=[Person(key="group", channel="chat", chat_url_file=tmp_path / "chat")]))

    assert [row["state"] for row in deliveries(town)] == ["dead"]


def subscribe(town: Town, **more: Any) -> None:
    """Somebody with an account wants to be told."""
    account: dict[str, Any] = {"role": "operator", "unit": None, "areas": []}
    account |= {name: more.pop(name) for name in account if name in more}
    wish: dict[str, Any] = {"address": "wang@county.example", "classes": [], "digest_min": 0}
    wish |= {"quiet_from": None, "quiet_to": None}
    with connect(town.url) as connection:
        connection.execute(
            "INSERT INTO people (name, role, unit, areas, created_at)"
            " VALUES ('wang.li', %(role)s, %(unit)s, %(areas)s, now())",
            account,
        )
        write_wish(connection, "wang.li", Wish(**(wish | more)))


def mail_alone(server: _MailServer) -> Targets:
    return person(server).model_copy(update={"people": []})


def test_person_is_told_at_the_address_of_the_account(town: Town, mail_server: _MailServer) -> None:
    subscribe(town)
    notify(town, mail_alone(mail_server))

    (mail,) = mail_server.mails
    assert b"To: wang@county.example" in mail
    assert [(row["target"], row["state"]) for row in deliveries(town)] == [("@wang.li", "sent")]


@pytest.mark.parametrize(
    "more",
    [{"classes": ["D00"]}, {"unit": "lights"}, {"areas": ["nowhere"]}, {"role": "fleet"}],
    ids=["another class", "another unit's", "outside the areas", "sees no cases"],
)
def test_person_is_told_of_nothing_else(town: Town, mail_server: _MailServer, more: dict[str, Any]) -> None:
    subscribe(town, **more)
    notify(town, mail_alone(mail_server))

    assert (mail_server.mails, deliveries(town)) == ([], [])


def test_person_of_the_unit_and_class_is_told(town: Town, mail_server: _MailServer) -> None:
    subscribe(town, unit="roads", classes=["D40", "D00"])
    notify(town, mail_alone(mail_server))

    assert len(mail_server.mails) == 1


@pytest.mark.parametrize(
    ("to", "more", "mails"),
    [("admin", {}, 0), ("operator", {}, 1), ("wang.li", {}, 1), ("operator", {"unit": "lights"}, 0)],
    ids=["another role", "the role", "the person", "another unit's"],
)
def test_escalation_is_told_to_whom_it_names_whatever_their_classes(
    town: Town, mail_server: _MailServer, to: str, more: dict[str, Any], mails: int
) -> None:
    subscribe(town, classes=["D00"], **more)
    town.change(
        "UPDATE case_history SET action = 'escalate', details = jsonb_build_object('step', 1, 'to', %s::text)", to
    )
    notify(town, mail_alone(mail_server))

    assert len(mail_server.mails) == mails


def test_nobody_is_told_of_what_they_did(town: Town, mail_server: _MailServer) -> None:
    subscribe(town)
    town.change("UPDATE case_history SET actor = 'wang.li'")
    notify(town, mail_alone(mail_server))

    assert mail_server.mails == []


def test_person_has_quiet_hours_and_a_digest(town: Town, mail_server: _MailServer) -> None:
    subscribe(town, quiet_from=time(22), quiet_to=time(7), digest_min=60)
    targets, night = mail_alone(mail_server), datetime(2026, 11, 24, 16, tzinfo=UTC)  # midnight in China
    assert notify(town, targets, at=night) == 0
    assert notify(town, targets, at=night + timedelta(hours=6, minutes=59)) == 0
    notify(town, targets, at=night + timedelta(hours=7))

    assert len(mail_server.mails) == 1


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM notice_wishes", "UPDATE people SET disabled_at = now() WHERE name = 'wang.li'"],
    ids=["changed their mind", "disabled"],
)
def test_who_is_not_to_be_told_any_longer_gets_nothing_that_waited(
    town: Town, mail_server: _MailServer, change: LiteralString
) -> None:
    subscribe(town, digest_min=1440)
    notify(town, mail_alone(mail_server))
    town.change(change)
    notify(town, mail_alone(mail_server), at=datetime.now(UTC) + timedelta(days=2))

    assert mail_server.mails == []
    assert [row["state"] for row in deliveries(town)] == ["dead"]


def test_without_a_mail_server_it_is_said(town: Town) -> None:
    subscribe(town)
    notify(town, Targets())

    (row,) = deliveries(town)
    assert (row["state"], row["last_error"]) == ("dead", "there is no [mail] in the notification file")
