"""A number that a command is given."""

import math
from typing import Any

import click
from typing_extensions import override


class FiniteRange(click.FloatRange):
    """A range in which every number is one: `nan` lies in none, and `inf` in none without an end."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number
