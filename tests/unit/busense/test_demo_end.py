import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from busense.demo import ended_in_order


@contextmanager
def hung_up_by(handler: signal.Handlers) -> Generator[None]:
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_ends_a_demo_ends_it_in_order_and_once(number: signal.Signals) -> None:
    stopped: list[str] = []

    def run() -> None:
        with ended_in_order():
            try:
                os.kill(os.getpid(), number)
            finally:
                os.kill(os.getpid(), number)
                stopped.append("all")

    with hung_up_by(signal.SIG_DFL), pytest.raises(KeyboardInterrupt):
        run()
    assert stopped == ["all"]


def test_a_demo_under_nohup_outlives_its_terminal() -> None:
    with hung_up_by(signal.SIG_IGN), ended_in_order():
        os.kill(os.getpid(), signal.SIGHUP)
