"""A crew's phone in the browser."""

from io import BytesIO
from typing import Final

from PIL import Image
from playwright.sync_api import FilePayload, Page

from tests.waiting import wait_until

PHONE: Final = (390, 844)


def photo(colour: str = "#556677") -> FilePayload:
    content = BytesIO()
    Image.new("RGB", (4000, 3000), colour).save(content, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()}


def stand_at(page: Page, *, lon: float, lat: float) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 8})


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def wait_for_worker(page: Page) -> None:
    """Until the page would open without network."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_until(
        lambda: (
            page.evaluate("caches.open('busense-crew-files-1').then(cache => cache.keys()).then(keys => keys.length)")
            > 10
        ),
        20,
    )
