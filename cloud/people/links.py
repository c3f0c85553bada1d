"""One-time links: by one its owner sets the first password, or a new one."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value
from cloud.errors import LinkError
from cloud.people.random_secret import draw, hash_of

GOOD_FOR: Final = timedelta(hours=24)

_INSERT: Final = "INSERT INTO one_time_links (token_sha256, person, expires_at) VALUES (%s, %s, %s)"
_DROP_OTHERS: Final = "DELETE FROM one_time_links WHERE person = %s OR expires_at < %s"
_DROP: Final = "DELETE FROM one_time_links WHERE person = %s"
_FIND: Final = """
SELECT l.person FROM one_time_links l JOIN people p ON p.name = l.person
WHERE l.token_sha256 = %s AND l.expires_at > %s AND p.disabled_at IS NULL
"""


def make_link(connection: Connection[Any], person: str, *, at: datetime) -> str:
    """Draw the secret of a link; earlier links of this person are no longer good."""
    secret = draw()
    connection.execute(_DROP_OTHERS, (person, at))
    connection.execute(_INSERT, (hash_of(secret), person, at + GOOD_FOR))
    return secret


def drop_link(connection: Connection[Any], person: str) -> None:
    """Make the link of somebody useless, if there is one."""
    connection.execute(_DROP, (person,))


def person_of_link(connection: Connection[Any], secret: str, *, at: datetime) -> str:
    """Tell whose link it is.

    Raises:
        LinkError: it was used, is too old or is not ours.
    """
    person = fetch_value(connection, _FIND, (hash_of(secret), at))
    if person is None:
        raise LinkError("this link was used, is too old or is not of this server: ask an administrator for a new one")
    return person


def use_link(connection: Connection[Any], secret: str) -> None:
    """Make a link useless.

    Raises:
        LinkError: somebody else was faster.
    """
    if connection.execute("DELETE FROM one_time_links WHERE token_sha256 = %s", (hash_of(secret),)).rowcount != 1:
        raise LinkError("this link was used meanwhile")
