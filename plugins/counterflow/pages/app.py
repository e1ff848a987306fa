"""The web application of the pages, mounted at `/counterflow` of Airflow's API server (plugins/airflow_plugin.py).

In: settings, and a guard that answers in place of a page where nobody, or the wrong person, asks. Out: HTML that needs
nothing but this server. Every answer, of whatever kind, has passed the guard and carries a Content-Security-Policy:
what missions write is escaped, and could do nothing if it were not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from markupsafe import Markup

from counterflow.pages import rendering, shelf, views
from counterflow.pages.reading import NothingToShow, opened
from counterflow.pages.sets import FOR_ANALYSTS, TITLES
from counterflow.pages.words import words
from counterflow.settings import Settings


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may see the pages; `analyses`: also those with small counts of the warehouse."""

    analyses: bool = False


# Who asks; or the answer in place of the page, a redirect to the login or a refusal.
Guard = Callable[[Request], Awaitable[Response | Reader]]
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
# Scripts of others run in an origin of their own: they cannot ask Airflow for anything in the reader's name.
_SANDBOXED = {"dbt": f"{_SHELF}; sandbox allow-scripts allow-downloads"}
# What a release brings along is read, and runs nothing.
_RELEASED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-downloads"
_ASSETS = {"pages.css": "text/css", "pages.js": "text/javascript"}


def create_app(settings: Callable[[], Settings], guard: Guard) -> FastAPI:
    """The application; `settings` is asked for each page, so that a test may change them."""
    app = FastAPI(title="Counterflow", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guarded(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        answer = await guard(request)
        if isinstance(answer, Reader):
            request.state.reader = answer
            answer = await go_on(request)
        answer.headers.setdefault("Content-Security-Policy", _OWN)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        return answer

    @app.exception_handler(NothingToShow)
    def nothing(request: Request, error: NothingToShow) -> Response:
        said = {"title": error.title, "text": error.text, "page": error.page}
        return _page(request, settings(), "problem.html", 503, **said)

    @app.get("/")
    def home(request: Request) -> Response:
        return RedirectResponse(f"{_base(request)}/missions", 307)

    @app.get("/missions")
    def missions(request: Request) -> Response:
        asked = views.Asked.of(request.query_params)

        def query(**changes: str) -> str:
            order = "desc" if asked.descending else "asc"
            said = {
                "q": asked.q,
                "status": asked.status,
                "sort": asked.sort,
                "order": order,
                "nights": str(asked.nights),
            }
            return urlencode({name: value for name, value in (said | changes).items() if value})

        with opened(settings()) as warehouse:
            found = views.matrix(warehouse, asked)
        return _page(request, settings(), "missions.html", here="missions", query=query, **found)

    @app.get("/missions/{code}")
    def mission(request: Request, code: str) -> Response:
        found = None
        if re.fullmatch(r"[A-Z]{3}", code):
            with opened(settings()) as warehouse:
                found = views.mission(
                    settings(), warehouse, code, words(), request.state.reader.analyses
                )
        if found is None:
            return _missing(request, settings(), "There is no mission of this code.")
        return _page(request, settings(), "mission.html", here="missions", **found)

    @app.get("/nights")
    def last_night(request: Request) -> Response:
        with opened(settings()) as warehouse:
            known = warehouse.nights(1)
        if not known:
            return _missing(request, settings(), "The warehouse holds no night yet.")
        return RedirectResponse(f"{_base(request)}/nights/{known[-1]}", 307)

    @app.get("/nights/{night}")
    def one_night(request: Request, night: str) -> Response:
        found = None
        if re.fullmatch(r"\d{4}-\d\d-\d\d", night, re.ASCII):
            try:
                with opened(settings()) as warehouse:
                    found = views.night(
                        settings(),
                        warehouse,
                        date.fromisoformat(night),
                        request.state.reader.analyses,
                    )
            except ValueError:
                found = None
        if found is None:
            return _missing(request, settings(), "No night of this date was published.")
        return _page(request, settings(), "night.html", here="nights", **found)

    @app.get("/runbooks/{page}")
    def runbook(request: Request, page: str) -> Response:
        from markdown_it import MarkdownIt

        text = rendering.runbook(page)
        if text is None:
            return _missing(request, settings(), "There is no runbook of this name here.")
        body = Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704 - our own page
        return _page(request, settings(), "runbook.html", title=page.replace("_", " "), body=body)

    @app.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            return Response("There is no such file.", 404)
        headers = {"Cache-Control": "private, max-age=300"}
        return FileResponse(
            rendering.HERE / "static" / name, media_type=_ASSETS[name], headers=headers
        )

    @app.get("/pages/{name}")
    def folder(request: Request, name: str) -> Response:
        """Links within a set are relative to its folder."""
        return RedirectResponse(f"{_base(request)}/pages/{name}/", 307)

    @app.get("/pages/{name}/{path:path}")
    def page(request: Request, name: str, path: str) -> Response:
        """A file of a set."""
        if name in FOR_ANALYSTS and not request.state.reader.analyses:
            said = "These pages show small counts of the warehouse: they are for the agency's analysts."
            return _page(
                request,
                settings(),
                "problem.html",
                403,
                title="Not for this role",
                text=said,
                page="",
            )
        found = shelf.find(settings(), name, path)
        if found is None:
            return _missing(request, settings(), "There is no such page, or it was not built yet.")
        return FileResponse(
            found, headers={"Content-Security-Policy": _SANDBOXED.get(name, _SHELF)}
        )

    @app.get("/releases/{number}/{path:path}")
    def released(request: Request, number: str, path: str) -> Response:
        """A file of a release, to which the analysts' pages link."""
        found = shelf.released(settings(), number, path)
        if found is None:
            return _missing(request, settings(), "There is no such file of a release.")
        return FileResponse(found, headers={"Content-Security-Policy": _RELEASED})

    @app.get("/{path:path}")
    def other(request: Request, path: str) -> Response:
        return _missing(request, settings(), "There is no such page.")

    return app


def _page(
    request: Request, settings: Settings, name: str, code: int = 200, /, **values: Any
) -> HTMLResponse:
    base = _base(request)
    shown = {
        "base": base,
        "airflow": base.removesuffix("/counterflow"),
        "here": "",
        "shelves": [
            (one, title)
            for one, title in TITLES.items()
            if shelf.find(settings, one, "")
            and (request.state.reader.analyses or one not in FOR_ANALYSTS)
        ],
        "checks": shelf.find(settings, "checks", "") is not None,
        "runbooks": lambda page: rendering.runbook_address(settings, base, page),
    }
    return HTMLResponse(rendering.render(name, **(shown | values)), code)


def _missing(request: Request, settings: Settings, text: str) -> Response:
    return _page(request, settings, "problem.html", 404, title="Not found", text=text, page="")


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
