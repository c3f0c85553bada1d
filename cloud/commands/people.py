"""`busense people`: accounts from the command line, for the first one and for programs."""

from datetime import UTC, datetime
from pathlib import Path

import click

from cloud.cases.handling import load_handling
from cloud.cases.scope import require_known
from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.findings.catalogue import load_catalogue
from cloud.fleet.secret import read_or_create_secret
from cloud.people.accounts import Accounts, Wish, list_people
from cloud.people.links import make_link
from cloud.people.model import Role
from cloud.people.permissions import FOR_TOKENS, GRANTS, PEOPLE, Permission
from cloud.people.tokens import add_token

_SHELL = "system:command"


@click.group()
def people() -> None:
    """Accounts."""


@people.command("add")
@config_option
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in PEOPLE]), required=True)
@click.option("--unit", help="Only cases of this unit are there for this account.")
@click.option("--crew", help="For a crew: its key in the handling file.")
@click.option("--area", "areas", multiple=True, help="Only what lies in these areas of the handling file.")
@click.option("--oidc-name", help="What the provider calls its owner.")
def add(
    *, name: str, role: str, unit: str | None, crew: str | None, areas: tuple[str, ...], oidc_name: str | None,
    config: Path | None,
) -> None:  # fmt: skip
    """Add the account NAME and print the link by which its owner sets a password."""
    settings, at = load_config(config), datetime.now(UTC)
    wish = Wish(name=name, role=Role(role), unit=unit, crew=crew, areas=areas, oidc_name=oidc_name)
    catalogue, handling = load_catalogue(settings.work.catalogue), load_handling(settings.work.handling)
    require_known(wish, catalogue=catalogue, handling=handling)
    with connect(settings.database.read_url()) as connection:
        Accounts(connection=connection, at=at, actor=_SHELL).add(wish)
        secret = make_link(connection, name, at=at)
    click.echo(f"added {name} ({role}); within a day: {settings.serve.origin}/welcome#{secret}")


@people.command("link")
@config_option
@click.argument("name")
def link(*, name: str, config: Path | None) -> None:
    """Print a link by which NAME sets a new password; earlier links are no longer good."""
    settings, at = load_config(config), datetime.now(UTC)
    with connect(settings.database.read_url()) as connection:
        accounts = Accounts(connection=connection, at=at, actor=_SHELL)
        accounts.find(name)
        accounts.note(name, "link_made")
        secret = make_link(connection, name, at=at)
    click.echo(f"{settings.serve.origin}/welcome#{secret}")


@people.command("token")
@config_option
@click.argument("name")
@click.option("--label", default="command line", show_default=True, help="What it is for, as its owner sees it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(sorted(FOR_TOKENS)),
    help="What it may do; without it all that the role may.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where the token lies; it is drawn and written when there is no such file.",
)
def token(*, name: str, label: str, scopes: tuple[str, ...], token_file: Path, config: Path | None) -> None:
    """Make a token of the account NAME for a program; the database keeps only its hash."""
    at = datetime.now(UTC)
    with connect(load_config(config).database.read_url()) as connection:
        accounts = Accounts(connection=connection, at=at, actor=_SHELL)
        actor = accounts.find(name).actor
        wanted = frozenset(Permission(scope) for scope in scopes) or FOR_TOKENS & GRANTS[actor.role]
        secret = read_or_create_secret(token_file)
        add_token(connection, actor, label=label, scopes=wanted, at=at, expires_at=None, secret=secret)
        accounts.note(name, "token_made", label=label)
    click.echo(f"{name}: the token lies in {token_file}; for {', '.join(sorted(wanted))}")


@people.command("list")
@config_option
def show(config: Path | None) -> None:
    """List all accounts."""
    with connect(load_config(config).database.read_url()) as connection:
        for person in list_people(connection):
            where = " ".join(part for part in (person.unit, person.crew, *person.areas) if part)
            click.echo(f"{person.name}\t{person.role}\t{where}\t{'disabled' if person.disabled_at else ''}")
