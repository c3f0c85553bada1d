import pytest

from wire.broker_url import host_and_port


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", ("broker", 1883)),
        ("mqtts://broker.example", ("broker.example", 8883)),
        ("mqtts://[::1]:9000", ("::1", 9000)),
        ("mqtt://:1884", ("", 1884)),
    ],
)
def test_host_and_port_of_a_broker(url: str, expected: tuple[str, int]) -> None:
    assert host_and_port(url) == expected
