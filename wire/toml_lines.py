"""Lines of TOML files: where a key stands, so that a fault can be told with its place."""


def line_of(text: str, keys: list[str]) -> int:
    """Line of the deepest key that stands in the text; TOML readers keep no positions."""
    table: list[str] = []
    counts: dict[str, int] = {}
    best_line, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("[") and "=" not in stripped.split("]")[0]:
            here = table = _table_of(stripped, counts)
        else:
            here = [*table, *_parts(stripped.split("=")[0])]
        depth = len(here) if keys[: len(here)] == here else 0
        if depth > best_depth:
            best_line, best_depth = number, depth
    return best_line


def _table_of(header: str, counts: dict[str, int]) -> list[str]:
    """Keys of a table's header; tables of a list are counted as they come."""
    name = header.split("#", maxsplit=1)[0].strip("[] ")
    if not header.startswith("[["):
        return _parts(name)
    counts[name] = counts.get(name, -1) + 1
    return [*_parts(name), str(counts[name])]


def _parts(name: str) -> list[str]:
    return [part.strip().strip('"') for part in name.strip().split(".")]
