"""The built dashboard, or a page that says how to build it."""

from pathlib import Path, PurePosixPath
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

import cloud

BUILT: Final = Path(cloud.__file__).parent / "dashboard" / "dist"
NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>busense</title></head>
<body><h1>busense</h1>
<p>页面尚未构建：请运行 <code>make dashboard</code>。</p>
<p>The pages are not built yet: run <code>make dashboard</code>.</p>
<p><a href="/api/v1/openapi.json">API</a></p>
</body></html>
"""


class Pages(StaticFiles):
    """Files of the dashboard; every other path is one of its own pages."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not _is_page(path):  # noqa: PLR2004
                raise
            response = await super().get_response("index.html", scope)
        # Built files have their hash in the name, index.html has not.
        is_hashed = path.startswith("assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        return response


def _is_page(path: str) -> bool:
    return not path.startswith("api/") and not PurePosixPath(path).suffix
