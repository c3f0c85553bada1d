"""A package comes whole over a network that breaks anywhere, from a server that may be wrong."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.errors import UpdateError
from edge_agent.updates.packages import MAX_REFUSALS, MAX_WRONG, Packages
from edge_agent.uplink.cloud import CloudAddress
from tests.unit.edge_agent.updates.releases import (
    FOREIGN,
    KEY,
    PackageServer,
    Release,
    random_cuts,
    settings_release,
    signed,
)
from wire.package import Package, PackageKind

RELEASE = settings_release(f"[health]\nevery_s = 30\n# {random.Random(0).randbytes(40_000).hex()}\n")


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with PackageServer().running() as server:
        server.add(RELEASE)
        yield server


def packages_of(
    folder: Path, server: PackageServer, wait: Callable[[float], object] = lambda _wait_s: None
) -> Packages:
    cloud = CloudAddress(url=server.url, city="testcity", device="bus-1", secret="hush")  # noqa: S106
    return Packages(folder, cloud, wait=wait)


def take(
    folder: Path,
    server: PackageServer,
    release: Release = RELEASE,
    *,
    kind: PackageKind = PackageKind.SETTINGS,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Package | None:
    return packages_of(folder, server).take(release.sha256, kind=kind, keys=[KEY], is_wanted=is_wanted)


def test_a_package_is_fetched_once_and_kept(tmp_path: Path, server: PackageServer) -> None:
    for _ in range(2):
        package = take(tmp_path, server)
        assert package is not None
        assert package.settings() == {"health": {"every_s": 30}}
    path = f"/api/v1/devices/packages/{RELEASE.sha256}"
    assert server.heard == [
        (path, "bytes=0-", "testcity/bus-1"),
        (f"{path}/signature", "", "testcity/bus-1"),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_connection_that_breaks_anywhere_is_taken_up_where_it_broke(
    tmp_path: Path, server: PackageServer, seed: int
) -> None:
    size = len(RELEASE.content)
    server.cuts = random_cuts(seed, 12, size // 8)
    sent = sum(server.cuts)
    assert take(tmp_path, server) is not None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for _, asked, _ in server.heard if asked]
    assert starts == sorted(starts)
    assert starts[-1] == min(sent, size)


def test_what_lies_there_since_a_power_cut_at_any_byte_is_gone_on_with(tmp_path: Path, server: PackageServer) -> None:
    size = len(RELEASE.content)
    for had in (0, 1, size // 2, size - 1, size):
        folder = tmp_path / str(had)
        folder.mkdir()
        (folder / f"{RELEASE.sha256}.part").write_bytes(RELEASE.content[:had])
        server.heard.clear()
        assert take(folder, server) is not None
        asked = [asked for _, asked, _ in server.heard if asked]
        assert asked == ([] if had == size else [f"bytes={had}-"])
        assert not list(folder.glob("*.part"))


def test_garbage_in_what_was_begun_is_seen_and_fetched_anew(tmp_path: Path, server: PackageServer) -> None:
    (tmp_path / f"{RELEASE.sha256}.part").write_bytes(bytes(100))
    assert take(tmp_path, server) is not None
    assert [asked for _, asked, _ in server.heard if asked] == ["bytes=100-", "bytes=0-"]


def test_more_than_there_is_begins_anew(tmp_path: Path, server: PackageServer) -> None:
    (tmp_path / f"{RELEASE.sha256}.part").write_bytes(RELEASE.content + b"more")
    assert take(tmp_path, server) is not None


def test_a_server_that_knows_no_ranges_sends_all_of_it_anew(tmp_path: Path, server: PackageServer) -> None:
    server.knows_ranges = False
    server.cuts = [100, 200]
    assert take(tmp_path, server) is not None


def test_a_file_with_another_hash_is_fetched_anew_and_then_given_up(tmp_path: Path, server: PackageServer) -> None:
    sha256 = "0" * 64
    server.releases[sha256] = RELEASE
    packages = packages_of(tmp_path, server)
    with pytest.raises(UpdateError, match=f"000.* has the SHA-256 {RELEASE.sha256}"):
        packages.take(sha256, kind=PackageKind.SETTINGS, keys=[KEY], is_wanted=lambda: True)
    assert len(server.heard) == MAX_WRONG
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (settings_release("", pair=FOREIGN), "none of the trusted keys"),
        (Release(content=RELEASE.content, signature="nothing"), "no signature of minisign"),
        (signed(b"no package"), "no zip file"),
    ],
    ids=["foreign", "none", "no package"],
)
def test_what_is_not_ours_is_refused_and_not_kept(
    tmp_path: Path, server: PackageServer, release: Release, words: str
) -> None:
    server.add(release)
    with pytest.raises(UpdateError, match=words):
        take(tmp_path, server, release)
    assert not list(tmp_path.iterdir())


def test_a_package_of_another_kind_is_refused(tmp_path: Path, server: PackageServer) -> None:
    with pytest.raises(UpdateError, match="is of kind settings; model is expected"):
        take(tmp_path, server, kind=PackageKind.MODEL)


@pytest.mark.parametrize("status", [404, 403, 401])
def test_a_refusal_may_heal(tmp_path: Path, server: PackageServer, status: int) -> None:
    server.answers = [status] * (MAX_REFUSALS - 1)
    assert take(tmp_path, server) is not None


def test_what_is_refused_for_long_is_given_up(tmp_path: Path, server: PackageServer) -> None:
    server.answers = [404] * MAX_REFUSALS
    with pytest.raises(UpdateError, match="not to be had: the server answers 404"):
        take(tmp_path, server)


def test_a_server_that_fails_is_asked_for_as_long_as_it_is_wanted(tmp_path: Path, server: PackageServer) -> None:
    server.answers = [503] * 40
    assert take(tmp_path, server) is not None


def test_waits_grow_up_to_minutes_and_begin_anew_when_something_came(tmp_path: Path, server: PackageServer) -> None:
    server.answers = [503] * 15
    server.cuts = [100]
    waits: list[float] = []
    packages = packages_of(tmp_path, server, waits.append)
    assert packages.take(RELEASE.sha256, kind=PackageKind.SETTINGS, keys=[KEY], is_wanted=lambda: True) is not None
    assert len(waits) == 16
    assert all(
        0.5 * longest <= wait <= longest for wait, longest in zip(waits, map(longest_s, range(1, 16)), strict=False)
    )
    assert waits[-1] <= 1.0


def longest_s(failures: int) -> float:
    return min(2.0**failures, 300.0)


@pytest.mark.parametrize("cuts", [[], [3, 7, 100]])
def test_a_server_may_bring_it_in_parts(tmp_path: Path, server: PackageServer, cuts: list[int]) -> None:
    server.part_bytes, server.cuts = 60, list(cuts)
    waits: list[float] = []
    packages = packages_of(tmp_path, server, waits.append)
    assert packages.take(RELEASE.sha256, kind=PackageKind.SETTINGS, keys=[KEY], is_wanted=lambda: True) is not None
    assert len(waits) == len([cut for cut in cuts if cut < 60])


def test_a_part_that_was_not_asked_for_is_not_appended(tmp_path: Path, server: PackageServer) -> None:
    server.shift, server.part_bytes = 1, 60
    with pytest.raises(UpdateError, match="not to be had"):
        take(tmp_path, server)


def test_what_is_not_wanted_any_more_is_left(tmp_path: Path, server: PackageServer) -> None:
    server.answers = [503] * 1000
    looks = iter([True, True, True, False])
    assert take(tmp_path, server, is_wanted=lambda: next(looks)) is None
    assert len(server.heard) == 3


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, server: PackageServer) -> None:
    (tmp_path / f"{RELEASE.sha256}.part").mkdir()
    with pytest.raises(UpdateError, match="the disk does not take it"):
        take(tmp_path, server)


def test_other_packages_are_deleted(tmp_path: Path, server: PackageServer) -> None:
    take(tmp_path, server)
    (tmp_path / f"{'1' * 64}.part").write_bytes(b"begun")
    packages_of(tmp_path, server).keep_only({RELEASE.sha256})
    assert {path.stem for path in tmp_path.iterdir()} == {RELEASE.sha256}
    packages_of(tmp_path, server).keep_only(set())
    assert not list(tmp_path.iterdir())


def test_a_file_of_authorities_that_cannot_be_read_is_told(tmp_path: Path, server: PackageServer) -> None:
    cloud = CloudAddress(url=server.url, city="testcity", device="bus-1", secret="hush", ca_file=tmp_path / "none.pem")  # noqa: S106
    packages = Packages(tmp_path, cloud, wait=lambda _wait_s: None)
    with pytest.raises(UpdateError, match=r"cloud\.ca_file .*none\.pem cannot be read"):
        packages.take(RELEASE.sha256, kind=PackageKind.SETTINGS, keys=[KEY], is_wanted=lambda: True)
