"""Names of the simulated buses and where their secrets lie; for whoever enrols them."""

from pathlib import Path


def device_names(buses: int) -> list[str]:
    """Names of the buses, the first ones with the real detector."""
    return [f"bus-{number}" for number in range(1, buses + 1)]


def secret_file(folder: Path, device: str) -> Path:
    """Where the secret of a bus lies."""
    return folder / f"{device}.secret"
