from pathlib import Path

import httpx
import pytest

from cloud.api.app import create_app
from cloud.config import CloudConfig, DatabaseConfig

pytestmark = pytest.mark.asyncio
CONFIG = CloudConfig(city="demo", database=DatabaseConfig(url="postgresql:///none"))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>map</title>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("export {};")
    return tmp_path


async def get(folder: Path, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(CONFIG, pages=folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://busense") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/", "/cases", "/findings/01a20d6d"], ids=["root", "a page", "a page of one thing"])
async def test_pages_of_the_dashboard_are_one_file(built: Path, path: str) -> None:
    response = await get(built, path)

    assert response.status_code == 200
    assert "<title>map</title>" in response.text
    assert response.headers["cache-control"] == "no-cache"


async def test_files_with_a_hash_in_their_name_are_kept(built: Path) -> None:
    response = await get(built, "/assets/index-1a2b.js")

    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]


@pytest.mark.parametrize("path", ["/assets/none.js", "/favicon.ico", "/api/v1/none", "/../secret.txt"])
async def test_missing_file_is_a_problem(built: Path, path: str) -> None:
    response = await get(built, path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_without_a_dashboard_the_page_says_how_to_build_it(tmp_path: Path) -> None:
    response = await get(tmp_path, "/")

    assert "make dashboard" in response.text


async def test_policy_allows_no_foreign_script(built: Path) -> None:
    policy = (await get(built, "/")).headers["content-security-policy"]

    assert "script-src 'self'" in policy
    assert "worker-src 'self' blob:" in policy
    assert "unsafe" not in policy
