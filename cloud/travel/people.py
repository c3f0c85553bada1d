"""Those who travel with a tag, in the database; every change is written into their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.db.value import fetch_value
from cloud.errors import TravelError, TravellerNotFoundError
from cloud.people.accounts import Accounts, Wish
from cloud.people.links import make_link
from cloud.people.model import Role
from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.clock import TagClock
from cloud.travel.history import Deed, append, lock
from wire.envelope import make_id
from wire.tags import KEY_BYTES

CONSENT_WITHIN: Final = timedelta(days=30)
"""Of whom no consent comes, not even the name is kept longer."""

ENDED_FOR: Final = timedelta(days=5)
"""So long what comes late is still held against a journey that has ended."""

Cover = Literal["journeys", "search"]
Kind = Literal["child", "dementia", "other"]

_ADD: Final = "INSERT INTO travel_people (id, name, kind, added_at, added_by) VALUES (%s, %s, %s, %s, %s)"
_FIND: Final = """
SELECT id, name, kind, added_at, area_lon, area_lat, area_radius_m, hours_from, hours_to FROM travel_people
WHERE id = %s AND erased_at IS NULL FOR UPDATE
"""
_AGREE: Final = """
UPDATE travel_people SET area_lon = %(lon)s, area_lat = %(lat)s, area_radius_m = %(radius_m)s,
    hours_from = %(hours_from)s, hours_to = %(hours_to)s, look_at = least(look_at, %(at)s),
    area_agreed_at = CASE WHEN (area_lon, area_lat, area_radius_m) IS DISTINCT FROM
        (%(lon)s::float8, %(lat)s::float8, %(radius_m)s::float8) THEN %(at)s ELSE area_agreed_at END,
    hours_agreed_at = CASE WHEN (hours_from, hours_to) IS DISTINCT FROM (%(hours_from)s::time, %(hours_to)s::time)
        THEN %(at)s ELSE hours_agreed_at END
WHERE id = %(id)s
"""
_CONSENT: Final = """
INSERT INTO travel_consents (id, traveller, given_by, covers, from_at, until_at, recorded_at, recorded_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_WITHDRAW: Final = """
UPDATE travel_consents SET withdrawn_at = %(at)s, withdrawn_by = %(by)s
WHERE traveller = %(traveller)s AND withdrawn_at IS NULL
"""
_COVERS: Final = """
SELECT EXISTS (SELECT FROM travel_consents WHERE traveller = %s AND covers && %s::text[] AND withdrawn_at IS NULL
    AND from_at <= %s AND until_at > %s)
"""
_ADD_TAG: Final = """
INSERT INTO travel_tags (id, traveller, kind, secret, exponent, first_low_s, first_high_s, first_at, low_s, high_s,
    known_at, battery_changed_at, battery_days, added_at)
VALUES (%(id)s, %(traveller)s, %(kind)s, %(secret)s, %(exponent)s, %(low_s)s, %(high_s)s, %(known_at)s, %(low_s)s,
    %(high_s)s, %(known_at)s, %(at)s, %(battery_days)s, %(at)s)
"""
_RENEW: Final = """
UPDATE travel_tags SET battery_changed_at = %(at)s, low_s = %(low_s)s, high_s = %(high_s)s, known_at = %(known_at)s
WHERE id = %(id)s
"""
_TAG: Final = """
SELECT id, kind, low_s, high_s, known_at FROM travel_tags WHERE id = %s AND traveller = %s
"""
# Two desks that give the same tag to two people would not see each other's.
_LOCK_TAGS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.travel_tags', 0))"
_SECRETS: Final = "SELECT secret FROM travel_tags"
_ADD_GUARDIAN: Final = """
INSERT INTO travel_guardians (traveller, person, added_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_END_GUARDIAN: Final = "DELETE FROM travel_guardians WHERE traveller = %s AND person = %s"
_ADD_JOURNEY: Final = """
INSERT INTO travel_journeys (id, traveller, name, lon, lat, radius_m, days, leave_at, arrive_by, agreed_at)
VALUES (%(id)s, %(traveller)s, %(name)s, %(lon)s, %(lat)s, %(radius_m)s, %(days)s, %(leave_at)s, %(arrive_by)s, %(at)s)
"""
_END_JOURNEY: Final = """
UPDATE travel_journeys SET ended_at = %s WHERE id = %s AND traveller = %s AND ended_at IS NULL
"""
_DROP_JOURNEYS: Final = "DELETE FROM travel_journeys WHERE ended_at < %s"
_LOOK_FROM: Final = "UPDATE travel_people SET look_at = least(look_at, %s) WHERE id = %s"
# In the order of what refers to what; the history stays: it says who looked, and nothing of where anybody was.
_ERASE: Final = (
    "DELETE FROM travel_heard WHERE traveller = %(id)s",
    "DELETE FROM travel_events WHERE traveller = %(id)s",
    "DELETE FROM travel_tags WHERE traveller = %(id)s",
    "DELETE FROM travel_journeys WHERE traveller = %(id)s",
    "UPDATE travel_consents SET given_by = '' WHERE traveller = %(id)s",
    """UPDATE travel_looks SET closed_at = coalesce(closed_at, %(at)s), closed_by = coalesce(closed_by, %(by)s),
    outcome = NULL WHERE traveller = %(id)s""",
    """UPDATE travel_people SET name = '', area_lon = NULL, area_lat = NULL, area_radius_m = NULL, hours_from = NULL,
    hours_to = NULL, look_at = NULL, look_days = '{}', erased_at = %(at)s WHERE id = %(id)s""",
)
# The id of an iBeacon never changes: whoever has it could find its bearer in what readers heard.
_BEACONS: Final = "SELECT secret FROM travel_tags WHERE traveller = %s AND kind = 'ibeacon'"
_UNHEAR: Final = "DELETE FROM tag_sightings WHERE rotating_id = ANY(%s)"
_ENDED: Final = """
SELECT p.id FROM travel_people p WHERE p.erased_at IS NULL
    AND (p.added_at <= %(waited)s OR EXISTS (SELECT FROM travel_consents c WHERE c.traveller = p.id))
    AND NOT EXISTS (SELECT FROM travel_consents c WHERE c.traveller = p.id AND c.withdrawn_at IS NULL
        AND c.until_at > %(at)s)
ORDER BY p.id LIMIT 10 FOR UPDATE SKIP LOCKED
"""
_UNCOVERED: Final = """
SELECT p.id FROM travel_people p WHERE p.erased_at IS NULL
    AND (p.area_lon IS NOT NULL OR p.hours_from IS NOT NULL
        OR EXISTS (SELECT FROM travel_events e WHERE e.traveller = p.id)
        OR EXISTS (SELECT FROM travel_journeys j WHERE j.traveller = p.id))
    AND NOT EXISTS (SELECT FROM travel_consents c WHERE c.traveller = p.id AND c.withdrawn_at IS NULL
        AND c.until_at > %s AND 'journeys' = ANY(c.covers))
ORDER BY p.id LIMIT 10 FOR UPDATE SKIP LOCKED
"""
_FORGET_JOURNEYS: Final = (
    "DELETE FROM travel_events WHERE traveller = %s",
    "DELETE FROM travel_journeys WHERE traveller = %s",
    """UPDATE travel_people SET area_lon = NULL, area_lat = NULL, area_radius_m = NULL, hours_from = NULL,
    hours_to = NULL WHERE id = %s""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Where somebody goes by themselves, and when; none of both: nothing is watched but journeys."""

    lon: float | None = None
    lat: float | None = None
    radius_m: float | None = None
    hours_from: time | None = None
    hours_to: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTag:
    """A tag as it was read when it was handed out."""

    kind: Literal["eid", "ibeacon"]
    secret: str
    """Hexadecimal: the key of an EID tag, or the id of an iBeacon."""
    exponent: int | None
    counter_s: int | None
    battery_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJourney:
    """A journey that repeats on days of the week."""

    name: str
    lon: float
    lat: float
    radius_m: float
    days: Sequence[int]
    leave_at: time
    arrive_by: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What somebody does at one time with those who travel, within the caller's transaction."""

    connection: Connection[Any]
    vault: Vault
    at: datetime
    actor: str

    def add(self, name: str, kind: Kind) -> UUID:
        """Take somebody in; without a consent nothing of them is looked at."""
        number = self._new_id()
        self.connection.execute(_ADD, (number, self.vault.seal(name), kind, self.at, self.actor))
        self._note(number, Deed.ADD)
        return number

    def agree(self, traveller: UUID, agreed: Agreed) -> None:
        """Set where and when somebody goes by themselves.

        Raises:
            TravelError: there is no consent to it.
        """
        self.require(traveller)
        self._require_consent(traveller, "journeys")
        values = {name: getattr(agreed, name) for name in Agreed.__slots__}
        self.connection.execute(_AGREE, {"id": traveller, "at": self.at, **values})
        self._note(traveller, Deed.AGREE)

    def consent(
        self, traveller: UUID, *, given_by: str, covers: Sequence[Cover], from_at: datetime, until_at: datetime
    ) -> UUID:
        """Record a consent.

        Raises:
            TravelError: it ends before it begins.
        """
        self.require(traveller)
        if until_at <= from_at:
            raise TravelError("a consent ends after it begins")
        number = self._new_id()
        values = (self.vault.seal(given_by), sorted(covers), from_at, until_at, self.at, self.actor)
        self.connection.execute(_CONSENT, (number, traveller, *values))
        self.connection.execute(_LOOK_FROM, (from_at, traveller))
        self._note(traveller, Deed.CONSENT, covers=sorted(covers), until_at=until_at.isoformat())
        return number

    def withdraw(self, traveller: UUID) -> None:
        """Withdraw all consents: everything is deleted but who looked."""
        self.require(traveller)
        self.connection.execute(_WITHDRAW, {"traveller": traveller, "at": self.at, "by": self.actor})
        self._note(traveller, Deed.WITHDRAW)
        self.erase(traveller)

    def erase(self, traveller: UUID) -> None:
        """Delete what is known of somebody; keys too, so that what readers hear means nobody."""
        beacons = [
            self.vault.unseal(secret) for (secret,) in self.connection.execute(_BEACONS, (traveller,)).fetchall()
        ]
        if beacons:
            self.connection.execute(_UNHEAR, (beacons,))
        for statement in _ERASE:
            self.connection.execute(statement, {"id": traveller, "at": self.at, "by": self.actor})
        self._note(traveller, Deed.ERASE)

    def add_tag(self, traveller: UUID, tag: NewTag) -> UUID:
        """Give somebody a tag.

        Raises:
            TravelError: there is no consent yet, what belongs to a tag does not belong together, or it is given out.
        """
        self.require(traveller)
        self._require_consent(traveller, "journeys", "search")
        number = self._new_id()
        clock = _clock_of(tag, self.at)
        self._require_free(tag.secret.lower())
        values = {
            "id": number,
            "traveller": traveller,
            "kind": tag.kind,
            "secret": self.vault.seal(tag.secret.lower()),
            "exponent": tag.exponent,
            "low_s": clock and clock.low_s,
            "high_s": clock and clock.high_s,
            "known_at": clock and clock.known_at,
            "at": self.at,
            "battery_days": tag.battery_days,
        }
        self.connection.execute(_ADD_TAG, values)
        self._note(traveller, Deed.ADD_TAG, tag=str(number), kind=tag.kind)
        return number

    def renew_battery(self, traveller: UUID, tag: UUID) -> None:
        """Note a new battery; the tag may have lost up to a day of its count."""
        self.require(traveller)
        row = self.connection.execute(_TAG, (tag, traveller)).fetchone()
        if row is None:
            raise TravellerNotFoundError(f"there is no tag {tag}")
        _, kind, low_s, high_s, known_at = row
        clock = TagClock(low_s=low_s, high_s=high_s, known_at=known_at) if kind == "eid" else None
        after = clock and clock.after_new_battery(self.at)
        values = {
            "id": tag,
            "at": self.at,
            "low_s": after and after.low_s,
            "high_s": after and after.high_s,
            "known_at": after and after.known_at,
        }
        self.connection.execute(_RENEW, values)
        self._note(traveller, Deed.RENEW_BATTERY, tag=str(tag))

    def end_tag(self, traveller: UUID, tag: UUID) -> None:
        """Take a tag back; what it was heard with goes too."""
        self.require(traveller)
        if self.connection.execute(_TAG, (tag, traveller)).fetchone() is None:
            raise TravellerNotFoundError(f"there is no tag {tag}")
        self.connection.execute("DELETE FROM travel_heard WHERE tag = %s", (tag,))
        self.connection.execute("DELETE FROM travel_tags WHERE id = %s", (tag,))
        self.connection.execute("UPDATE travel_people SET tag_ended_at = %s WHERE id = %s", (self.at, traveller))
        self._note(traveller, Deed.END_TAG, tag=str(tag))

    def add_guardian(self, traveller: UUID, person: str, *, address: str) -> str | None:
        """Let somebody see what is concluded; who has no account yet gets one.

        Returns:
            The secret of the one-time link by which a new account sets its password.

        Raises:
            TravelError: the account is not that of a guardian.
        """
        self.require(traveller)
        role = fetch_value(self.connection, "SELECT role FROM people WHERE name = %s", (person,))
        secret = None
        if role is None:
            accounts = Accounts(connection=self.connection, at=self.at, actor=self.actor, address=address)
            accounts.add(Wish(name=person, role=Role.GUARDIAN))
            secret = make_link(self.connection, person, at=self.at)
        elif role != Role.GUARDIAN:
            raise TravelError(f"{person} has an account of another kind: a guardian needs one of their own")
        self.connection.execute(_ADD_GUARDIAN, (traveller, person, self.at))
        self._note(traveller, Deed.ADD_GUARDIAN, guardian=person)
        return secret

    def end_guardian(self, traveller: UUID, person: str) -> None:
        """Somebody is not a guardian any longer."""
        lock(self.connection, traveller)
        if self.connection.execute(_END_GUARDIAN, (traveller, person)).rowcount:
            self._note(traveller, Deed.END_GUARDIAN, guardian=person)

    def add_journey(self, traveller: UUID, journey: NewJourney) -> UUID:
        """Agree on a journey.

        Raises:
            TravelError: there is no consent to it.
        """
        self.require(traveller)
        self._require_consent(traveller, "journeys")
        number = self._new_id()
        values = {name: getattr(journey, name) for name in NewJourney.__slots__}
        values |= {"name": self.vault.seal(journey.name), "days": sorted(set(journey.days))}
        self.connection.execute(_ADD_JOURNEY, {"id": number, "traveller": traveller, "at": self.at, **values})
        self.connection.execute(_LOOK_FROM, (self.at, traveller))
        self._note(traveller, Deed.AGREE, journey=str(number))
        return number

    def end_journey(self, traveller: UUID, journey: UUID) -> None:
        """A journey is not agreed any longer."""
        self.require(traveller)
        if self.connection.execute(_END_JOURNEY, (self.at, journey, traveller)).rowcount:
            self._note(traveller, Deed.END_JOURNEY, journey=str(journey))

    def require(self, traveller: UUID) -> dict[str, Any]:
        """Somebody who is there, kept until the end of the transaction: who writes of them finds them there still.

        Raises:
            TravellerNotFoundError: nobody is.
        """
        with self.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_FIND, (traveller,)).fetchone()
        if row is None:
            raise TravellerNotFoundError(f"there is nobody {traveller}")
        return row

    def _require_consent(self, traveller: UUID, *covers: Cover) -> None:
        if not has_consent(self.connection, traveller, *covers, at=self.at):
            raise TravelError(f"this needs a consent first, to: {' or '.join(covers)}")

    def _require_free(self, secret: str) -> None:
        """Refuse a tag that is given out: an id that two tags could have sent is nobody's, and none would be heard."""
        self.connection.execute(_LOCK_TAGS)
        rows = self.connection.execute(_SECRETS).fetchall()
        if any(self.vault.unseal(kept) == secret for (kept,) in rows):
            raise TravelError("this tag is given out already: it has to be taken back there first")

    def _note(self, traveller: UUID, deed: Deed, **details: str | list[str]) -> None:
        append(self.connection, traveller, deed, at=self.at, actor=self.actor, details=details)

    def _new_id(self) -> UUID:
        return UUID(make_id(self.at))


def has_consent(connection: Connection[Any], traveller: UUID, *covers: Cover, at: datetime) -> bool:
    """Whether a consent stands, to one of these."""
    return fetch_value(connection, _COVERS, (traveller, list(covers), at, at))


def erase_ended(connection: Connection[Any], vault: Vault, *, at: datetime) -> int:
    """Delete what is known of those whose last consent has run out, or never came; returns how many they were."""
    with connection.transaction():
        rows = connection.execute(_ENDED, {"at": at, "waited": at - CONSENT_WITHIN}).fetchall()
        desk = Desk(connection=connection, vault=vault, at=at, actor="system")
        for (traveller,) in rows:
            desk.erase(traveller)
    return len(rows)


def drop_ended_journeys(connection: Connection[Any], *, at: datetime) -> int:
    """Delete journeys that ended so long ago that nothing is concluded of them any more; returns how many."""
    return connection.execute(_DROP_JOURNEYS, (at - ENDED_FOR,)).rowcount


def forget_journeys(connection: Connection[Any], *, at: datetime) -> int:
    """Delete what was agreed and concluded where only the consent to a search stands; returns of how many."""
    with connection.transaction():
        rows = connection.execute(_UNCOVERED, (at,)).fetchall()
        for (traveller,) in rows:
            for statement in _FORGET_JOURNEYS:
                connection.execute(statement, (traveller,))
            append(connection, traveller, Deed.ERASE, at=at, actor="system", details={"covers": ["journeys"]})
    return len(rows)


def _clock_of(tag: NewTag, at: datetime) -> TagClock | None:
    """Check a tag.

    Raises:
        TravelError: something is missing, or does not belong together.
    """
    if tag.kind == "ibeacon":
        if tag.exponent is not None or tag.counter_s is not None or len(tag.secret) != KEY_BYTES:
            raise TravelError("an iBeacon has an id of 16 hexadecimal digits, and no counter")
        return None
    if tag.exponent is None or tag.counter_s is None or len(tag.secret) != 2 * KEY_BYTES:
        raise TravelError("an EID tag has a key of 32 hexadecimal digits, an exponent and a counter")
    return TagClock.set_at(at, counter_s=tag.counter_s)
