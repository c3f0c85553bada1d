"""Signing in: the cookies of a browser, and counting wrong passwords before they are looked at."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import Request, Response
from psycopg import Connection

from cloud.api.actors import SECURE_PREFIX, cookie_name
from cloud.api.deps import Resources
from cloud.errors import SignInError
from cloud.people.accounts import Accounts, Person, find_person
from cloud.people.attempts import Attempt
from cloud.people.delays import counts_for
from cloud.people.passwords import is_password
from cloud.people.random_secret import hash_of
from cloud.people.second_factor import step_of_code
from cloud.people.sessions import KNOWN_FOR, LONGEST, is_known_browser, know_browser, open_session

_KNOWN_COOKIE: Final = "busense-known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What somebody wrote."""

    name: str
    password: str
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One request at the entrance."""

    held: Resources
    request: Request
    at: datetime

    @property
    def address(self) -> str:
        """Where it comes from."""
        return self.request.client.host if self.request.client is not None else ""

    def sign_in(self, credentials: Credentials, response: Response) -> Person:
        """Check name, password and code, and give the browser a session.

        Raises:
            SignInError: something is wrong, or it is too early to try again.
        """
        keys = self._keys_of(credentials.name)
        self.count(keys)
        with self.held.thread_pool.connection() as connection:
            person = find_person(connection, credentials.name)
        can_use = person is not None and person.disabled_at is None and not person.is_demo
        password_hash = person.password_hash if person is not None and can_use else None
        if not is_password(credentials.password, password_hash=password_hash):
            raise SignInError("wrong", "the name or the password is wrong")
        with self.held.thread_pool.connection() as connection:
            accounts = self.accounts(connection, credentials.name)
            locked = accounts.find(credentials.name)
            attempt = Attempt(connection=connection, keys=keys, at=self.at)
            if is_code_needed := locked.totp_secret is not None and credentials.code is None:
                attempt.take_back()
            else:
                self._check_code(accounts, locked, credentials.code)
                attempt.forgive()
        if is_code_needed:
            raise SignInError("code_needed", "the code of the authenticator app is needed too")
        self.admit(locked, response, way="password")
        return locked

    def admit(self, person: Person, response: Response, *, way: str) -> None:
        """Open a session for somebody who has proved who they are, and remember the browser."""
        browser = self.request.headers.get("user-agent", "")
        with self.held.thread_pool.connection() as connection:
            secret = open_session(connection, person.actor, way=way, browser=browser, address=self.address, at=self.at)
            proof = know_browser(connection, person.name, at=self.at)
            self.accounts(connection, person.name).note_sign_in(person.name, way=way)
        self._set(response, cookie_name(self.held.is_secure), secret, max_age_s=LONGEST.total_seconds())
        self._set(response, self._known_cookie(person.name), proof, max_age_s=KNOWN_FOR.total_seconds())

    def dismiss(self, response: Response) -> None:
        """Take the session's cookie away."""
        self._set(response, cookie_name(self.held.is_secure), "", max_age_s=0)

    def count(self, keys: Sequence[str]) -> None:
        """Count an attempt as failed until it is forgiven.

        Raises:
            SignInError: it is too early to try again.
        """
        with self.held.thread_pool.connection() as connection:
            wait = Attempt(connection=connection, keys=keys, at=self.at).begin()
        if wait:
            wait_s = int(wait.total_seconds()) + 1
            raise SignInError("wait", f"too many wrong passwords: try again in {wait_s} s", wait_s=wait_s)

    def accounts(self, connection: Connection[Any], actor: str) -> Accounts:
        """Accounts, changed by somebody from here."""
        return Accounts(connection=connection, at=self.at, actor=actor, address=self.address)

    def _check_code(self, accounts: Accounts, person: Person, code: str | None) -> None:
        if person.totp_secret is None:
            return
        secret = self.held.vault.unseal(person.totp_secret)
        step = step_of_code(code or "", secret=secret, at=self.at, last_step=person.totp_step)
        if step is None:
            raise SignInError("code_wrong", "the code is wrong, or was used already")
        accounts.use_code(person.name, step)

    def _keys_of(self, name: str) -> list[str]:
        proof = self.request.cookies.get(self._known_cookie(name))
        with self.held.thread_pool.connection() as connection:
            is_known = proof is not None and is_known_browser(connection, name, proof, at=self.at)
        browser = hash_of(proof).hex() if proof is not None and is_known else None
        return counts_for(name=name, address=self.address, browser=browser)

    def _known_cookie(self, name: str) -> str:
        """One for each account: several may sign in with one browser."""
        prefix = SECURE_PREFIX if self.held.is_secure else ""
        return f"{prefix}{_KNOWN_COOKIE}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"

    def _set(self, response: Response, name: str, value: str, *, max_age_s: float) -> None:
        response.set_cookie(
            name, value, max_age=int(max_age_s), path="/", secure=self.held.is_secure, httponly=True, samesite="strict"
        )
