"""What must be read again (second factors, who asks for their data) lies in the database under a key kept elsewhere."""

import os
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from psycopg import Connection, sql

from cloud.errors import ConfigError

_MARK: Final = "fernet:"
_IN_THE_CLEAR: Final = """
SELECT name, totp_secret FROM people WHERE totp_secret IS NOT NULL AND NOT starts_with(totp_secret, %s) FOR UPDATE
"""
_SEAL: Final = "UPDATE people SET totp_secret = %s WHERE name = %s"
_PERSONS_IN_THE_CLEAR: Final = """
SELECT request_id, wish, answer FROM data_request_persons
WHERE NOT starts_with(wish, %(mark)s) OR NOT starts_with(answer, %(mark)s) FOR UPDATE
"""
_SEAL_PERSON: Final = "UPDATE data_request_persons SET wish = %s, answer = %s WHERE request_id = %s"
# Table, key and column of what else is sealed: those who travel with a tag.
_SEALED: Final = (
    ("travel_people", "id", "name"),
    ("travel_tags", "id", "secret"),
    ("travel_journeys", "id", "name"),
    ("travel_consents", "id", "given_by"),
)
_COLUMN_IN_THE_CLEAR: Final = """
SELECT {key}, {column} FROM {table} WHERE {column} <> '' AND NOT starts_with({column}, %s) FOR UPDATE
"""
_SEAL_COLUMN: Final = "UPDATE {table} SET {column} = %s WHERE {key} = %s"


class Vault:
    """Seals with AES-128 and an HMAC (Fernet); without a key everything lies in the clear, as in a demo."""

    def __init__(self, key: bytes | None = None) -> None:
        self._fernet = None if key is None else Fernet(key)

    @classmethod
    def open(cls, path: Path | None) -> "Vault":
        """Read the key from its file; where there is no file, draw one and write it for its owner alone.

        Raises:
            ConfigError: the file cannot be used.
        """
        if path is None:
            return cls()
        try:
            _draw_key(path)
            return cls(path.read_bytes().strip())
        except (OSError, ValueError) as error:
            raise ConfigError(f"serve.vault_file {path}: {error}") from error

    @classmethod
    def read(cls, path: Path | None) -> "Vault":
        """Read the key that another process has drawn; where there is none (yet), there is no key.

        Raises:
            ConfigError: the file cannot be used.
        """
        return cls() if path is None or not path.exists() else cls.open(path)

    @property
    def has_key(self) -> bool:
        return self._fernet is not None

    def seal(self, secret: str) -> str:
        """What may lie in the database."""
        return secret if self._fernet is None else _MARK + self._fernet.encrypt(secret.encode()).decode()

    def unseal(self, kept: str) -> str:
        """The secret again.

        Raises:
            ConfigError: it was sealed with another key, or somebody changed it.
        """
        if not kept.startswith(_MARK):
            return kept
        if self._fernet is None:
            raise ConfigError("serve.vault_file is not set, but second factors were sealed with its key")
        try:
            return self._fernet.decrypt(kept.removeprefix(_MARK)).decode()
        except InvalidToken as error:
            raise ConfigError("serve.vault_file holds another key than the one that sealed a second factor") from error

    def seal_all(self, connection: Connection[Any]) -> None:
        """Seal what still lies in the clear, in the caller's transaction."""
        rows = connection.execute(_IN_THE_CLEAR, (_MARK,)).fetchall()
        for name, secret in rows:
            connection.execute(_SEAL, (self.seal(secret), name))
        persons = connection.execute(_PERSONS_IN_THE_CLEAR, {"mark": _MARK}).fetchall()
        for request_id, wish, answer in persons:
            sealed = (self._sealed(wish), None if answer is None else self._sealed(answer))
            connection.execute(_SEAL_PERSON, (*sealed, request_id))

        for table, key, column in _SEALED:
            names = {"table": sql.Identifier(table), "key": sql.Identifier(key), "column": sql.Identifier(column)}
            rows = connection.execute(sql.SQL(_COLUMN_IN_THE_CLEAR).format(**names), (_MARK,)).fetchall()
            for number, secret in rows:
                connection.execute(sql.SQL(_SEAL_COLUMN).format(**names), (self.seal(secret), number))

    def _sealed(self, kept: str) -> str:
        return kept if kept.startswith(_MARK) else self.seal(kept)


def _draw_key(path: Path) -> None:
    """Make the key file, whole at once, unless there is one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if path.exists():
        return
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)  # fails where another process was faster; then its key counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
