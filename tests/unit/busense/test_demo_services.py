from pathlib import Path

import pytest

from busense.demo_services import MAX_RESTARTS, Service
from busense.errors import StartError
from tests.waiting import wait_until


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A child that ends at once: there is no such command."""
    return Service("nonsense", ["no-such-command"], log_file=tmp_path / "log", env={})


def test_a_child_that_ends_is_reported_with_its_log(service: Service) -> None:
    service.start()
    with pytest.raises(StartError, match="no-such-command"):
        service.wait_until(lambda: False, timeout_s=20)


def test_a_dead_child_is_started_again_but_not_for_ever(service: Service) -> None:
    service.start()
    for number in range(1, MAX_RESTARTS + 1):
        wait_until(lambda: not service.is_running, 20)
        assert service.revive()
        assert service.restarts == number
    wait_until(lambda: not service.is_running, 20)
    with pytest.raises(StartError, match="died 6 times"):
        service.revive()


def test_a_running_child_is_left_alone_and_ends_when_told(tmp_path: Path) -> None:
    service = Service("slow", ["--help"], log_file=tmp_path / "log", env={})
    service.start()
    assert service.pid is not None
    wait_until(lambda: service.has_logged("Usage"), 20)
    service.stop()
    assert not service.is_running
