"""The web application of the pages, mounted at `/counterflow` of Airflow's API server (plugins/airflow_plugin.py).

In: settings, and a guard that answers in place of a page where nobody, or the wrong person, asks. Out: HTML that needs
nothing but this server. Every answer, of whatever kind, has passed the guard and carries a Content-Security-Policy:
what missions write is escaped, and could do nothing if it were not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from counterflow.pages import shelf
from counterflow.settings import Settings

# Answers in place of the page: a redirect to the login, or a refusal. None: go on.
Guard = Callable[[Request], Awaitable[Response | None]]
_OWN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
# A set brings its scripts along, inline too, because it can be opened from a file; it may ask no server for anything.
_SHELF = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'none'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def create_app(settings: Callable[[], Settings], guard: Guard) -> FastAPI:
    """The application; `settings` is asked for each page, so that a test may change them."""
    app = FastAPI(title="Counterflow", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guarded(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        answer = await guard(request) or await go_on(request)
        answer.headers.setdefault("Content-Security-Policy", _OWN)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        return answer

    @app.get("/pages/{name}")
    def folder(request: Request, name: str) -> Response:
        """Links within a set are relative to its folder."""
        return RedirectResponse(f"{request.scope.get('root_path', '')}/pages/{name}/", 307)

    @app.get("/pages/{name}/{path:path}")
    def page(name: str, path: str) -> Response:
        """A file of a set."""
        found = shelf.find(settings(), name, path)
        if found is None:
            return Response("There is no such page, or it was not built yet.", 404)
        return FileResponse(found, headers={"Content-Security-Policy": _SHELF})

    return app
