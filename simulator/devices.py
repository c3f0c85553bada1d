"""Names of the simulated buses and where their secrets lie; for whoever enrols them."""

from pathlib import Path

from simulator.errors import SecretError


def device_names(buses: int) -> list[str]:
    """Names of the buses, the first ones with the real detector."""
    return [f"bus-{number}" for number in range(1, buses + 1)]


def secret_file(folder: Path, device: str) -> Path:
    """Where the secret of a bus lies."""
    return folder / f"{device}.secret"


def key_file(folder: Path, device: str) -> Path:
    """Where the certificate of a bus lies, with the key that signs what stops carry."""
    return folder / f"{device}.pem"


def devices_without_network(buses: int, count: int) -> list[str]:
    """The last ones of the buses."""
    return device_names(buses)[buses - count :]


def read_secret(file: Path) -> str:
    """Read a password or a token.

    Raises:
        SecretError: the file holds none.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise SecretError(f"{file} holds no secret: text in UTF-8 is expected") from error
