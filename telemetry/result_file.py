"""The file that a command writes when its work is done."""

import os
from pathlib import Path
from typing import Any, Final

import click


class _ResultFile(click.Path):
    """That it can be written is looked at before the work begins."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = file.absolute().parent
        if not folder.is_dir():
            self.fail(f"there is no folder {folder}", param, ctx)
        if not os.access(folder, os.W_OK):
            self.fail(f"nothing can be written into {folder}", param, ctx)
        return file


RESULT_FILE: Final = _ResultFile(dir_okay=False, writable=True, path_type=Path)
