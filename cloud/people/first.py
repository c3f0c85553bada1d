"""The first administrator: made by a one-time link, never with a default password."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from cloud.people.accounts import Accounts, Wish, find_person, has_administrator
from cloud.people.links import make_link
from cloud.people.model import Role

NAME = "admin"


def first_link(connection: Connection[Any], *, at: datetime) -> str | None:
    """The secret of a link for the first administrator; none when there is one who can sign in."""
    # Several processes may start at once: one makes the account, each its own link, and only the last one is good.
    connection.execute("LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
    if has_administrator(connection):
        return None
    accounts = Accounts(connection=connection, at=at, actor="system:start")
    if find_person(connection, NAME) is None:
        accounts.add(Wish(name=NAME, role=Role.ADMIN))
    else:
        accounts.note(NAME, "link_made")
    return make_link(connection, NAME, at=at)
