"""From events to deliveries, and out."""

import logging
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
from psycopg import Connection

from cloud.cases.handling import Handling
from cloud.cases.model import Action
from cloud.db.aside import Kind, do_apart
from cloud.errors import ConfigError, DeliveryError
from cloud.metrics import DELIVERIES
from cloud.notify import repository, travel
from cloud.notify.repository import Delivery
from cloud.notify.senders import TIMEOUT_S, send_chat, send_mail, send_webhook
from cloud.notify.targets import Person, Targets, Webhook
from cloud.notify.timing import after_quiet, retry_at, send_at
from cloud.notify.wishes import PREFIX, Subscriber, Wish, read_subscribers
from cloud.notify.words import as_text
from telemetry.logs import about

EVENTS_AT_ONCE: Final = 200
TOGETHER: Final = 200  # events in one mail
Target = Webhook | Person | Subscriber

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Tells the targets. The connection is in autocommit; nothing is sent within a transaction."""

    connection: Connection[Any]
    targets: Targets
    handling: Handling
    now: Callable[[], datetime]
    chance: Callable[[], float] = random.random
    tls: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)  # reading all authorities takes a while

    def run(self) -> int:
        """Do all that is to be done now; returns how many deliveries were tried.

        What was not taken is not followed by more on the same way until the next run: else all that waits for a
        receiver that is away would hold up what others are to be told, each for as long as an answer is waited for.
        """
        while self._expand() or self._expand_travel():
            pass
        tried, blocked = 0, set[str]()
        while taken := repository.take(self.connection, at=self.now(), limit=TOGETHER, but=blocked):
            with about(str(event_id) for delivery in taken for event_id in delivery.event_ids):
                if not self._deliver(taken):
                    blocked.add(taken[0].way)
            tried += len(taken)
        return tried

    def _expand(self) -> int:
        """Make deliveries of the next events, in one transaction."""
        with self.connection.transaction():
            events = repository.take_events(self.connection, limit=EVENTS_AT_ONCE)
            do_apart(self.connection, events, self._address_all, kind=Kind.EVENT, subject_of=_subject_of)
        return len(events)

    def _expand_travel(self) -> int:
        """Make deliveries for the guardians of those who travel, in one transaction."""
        with self.connection.transaction():
            events = travel.take_news(self.connection, limit=EVENTS_AT_ONCE)
            subscribers = {one.name: one for one in read_subscribers(self.connection, self.handling)} if events else {}
            for event in events:
                for guardian in event["guardians"]:
                    if (found := subscribers.get(guardian)) is not None:
                        at = self.now()
                        next_at = at if travel.is_alarm(event) else self._when(found, at)
                        travel.put(self.connection, event, target=found.key, at=at, next_at=next_at)
        return len(events)

    def _address_all(self, events: Sequence[dict[str, Any]]) -> None:
        subscribers = read_subscribers(self.connection, self.handling)
        for event in events:
            with about(map(str, event["event_ids"])):
                self._address(event, subscribers)

    def _address(self, event: dict[str, Any], subscribers: Sequence[Subscriber]) -> None:
        at, payload = self.now(), payload_of(event)
        for target in (*self.targets.everybody, *subscribers):
            if _wants(target, event):
                repository.put(
                    self.connection,
                    event,
                    channel=_channel_of(target),
                    target=target.key,
                    payload=payload,
                    at=at,
                    next_at=self._when(target, at),
                )

    def _when(self, target: Target, at: datetime) -> datetime:
        zone = self.handling.working_calendar.zone
        match target:
            case Webhook():
                return at
            case Person():
                return send_at(at, quiet=target.quiet, digest_min=target.digest_min, zone=zone)
            case Subscriber(wish=wish):
                return send_at(at, quiet=wish.quiet, digest_min=wish.digest_min, zone=zone)

    def _deliver(self, taken: Sequence[Delivery]) -> bool:
        """Send what was taken; false when it has to be tried again."""
        ids, channel = [delivery.id for delivery in taken], taken[0].channel
        try:
            self._send(taken)
        except DeliveryError as error:
            again_at = None if error.is_final else self._again_at(taken, asked_s=error.wait_s)
            repository.mark_failed(self.connection, ids, error=str(error), next_at=again_at)
            DELIVERIES.labels(channel, "failed" if again_at else "dead").inc(len(ids))
            _log.warning("delivery_failed target=%s id=%s again=%s", taken[0].target, ids[0], again_at)
            return error.is_final
        except Exception as error:  # noqa: BLE001 - told and logged; nothing that cannot even be put into words may hold up the others
            repository.mark_failed(self.connection, ids, error=f"{type(error).__name__}: {error}", next_at=None)
            DELIVERIES.labels(channel, "dead").inc(len(ids))
            _log.exception("delivery_stumbled target=%s id=%s", taken[0].target, ids[0])
        else:
            repository.mark_sent(self.connection, ids, at=self.now())
            DELIVERIES.labels(channel, "sent").inc(len(ids))
            _log.info("delivery_sent target=%s id=%s deliveries=%d", taken[0].target, ids[0], len(ids))
        return True

    def _again_at(self, taken: Sequence[Delivery], *, asked_s: float) -> datetime | None:
        attempts = max(item.attempts for item in taken)
        at = retry_at(self.now(), attempts=attempts, chance=self.chance(), asked_s=asked_s)
        if at is None or any(travel.is_urgent(item.payload) for item in taken):
            return at
        match self._find(taken[0].target):
            case Person(quiet=quiet) | Subscriber(wish=Wish(quiet=quiet)):
                return after_quiet(at, quiet, self.handling.working_calendar.zone)
            case _:
                return at

    def _send(self, taken: Sequence[Delivery]) -> None:
        try:
            match self._find(taken[0].target):
                case Webhook() as found:
                    client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, verify=self.tls)
                    send_webhook(found, taken[0], client=client, at=self.now())
                case Person(channel="email", address=str() as address) | Subscriber(wish=Wish(address=address)):
                    self._mail(address, taken)
                case Person(channel="chat") as found:
                    send_chat(found, taken, text=self._text_of(taken))
                case _:
                    raise DeliveryError(f"{taken[0].target} is not to be told any longer", is_final=True)
        except ConfigError as error:
            raise DeliveryError(str(error)) from error

    def _find(self, key: str) -> Target | None:
        subscribers = read_subscribers(self.connection, self.handling) if key.startswith(PREFIX) else []
        return next((target for target in (*self.targets.everybody, *subscribers) if target.key == key), None)

    def _mail(self, address: str, taken: Sequence[Delivery]) -> None:
        if self.targets.mail is None:
            raise DeliveryError("there is no [mail] in the notification file", is_final=True)
        send_mail(self.targets.mail, address, taken, text=self._text_of(taken))

    def _text_of(self, taken: Sequence[Delivery]) -> str:
        return as_text(taken, page=self.targets.page, zone=self.handling.working_calendar.zone)


def payload_of(event: dict[str, Any]) -> dict[str, Any]:
    """What a receiver gets (Standard Webhooks: type, timestamp, data)."""
    case = {name: event[name] for name in ("number", "class_code", "severity", "state", "unit", "crew", "lon", "lat")}
    return {
        "type": f"case.{event['action']}",
        "timestamp": event["at"].isoformat(),
        "data": {
            "city": event["city"],
            "case": {
                "id": str(event["case_id"]),
                **case,
                "due_at": event["due_at"].isoformat() if event["due_at"] else None,
            },
            "serial": event["serial"],
            "action": event["action"],
            "actor": event["actor"],
            "reason": event["reason"],
            "from_state": event["from_state"],
            "to_state": event["to_state"],
            "details": event["details"],
        },
    }


def _subject_of(event: dict[str, Any]) -> dict[str, Any]:
    return {"case_id": str(event["case_id"]), "serial": event["serial"]}


def _wants(target: Target, event: dict[str, Any]) -> bool:
    if isinstance(target, Subscriber):
        return target.wants(event)
    return target.wants(
        action=Action(event["action"]),
        class_code=event["class_code"],
        unit=event["unit"],
        to=event["details"].get("to"),
    )


def _channel_of(target: Target) -> str:
    match target:
        case Webhook():
            return "webhook"
        case Person():
            return target.channel
        case Subscriber():
            return "email"
