"""The Missions page inside the Airflow UI: `counterflow.pages` mounted at /counterflow, behind Airflow's login.

Every process of Airflow reads this file; only an API server that is asked for a page imports what makes one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/counterflow"


class Pages:
    """The application, made when it is first asked for something."""

    def __init__(self) -> None:
        self._app: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request on."""
        if self._app is None:
            from counterflow.pages.app import create_app
            from counterflow.settings import Settings

            self._app = create_app(Settings.from_env, only_who_may_see_the_nights)
        await self._app(scope, receive, send)


async def only_who_may_see_the_nights(request: Any) -> Any:
    """Whoever may see the runs of the DAG `nightly` may see what came of them; who is not logged in, nothing.

    What is for analysts alone is for whom COUNTERFLOW_USERS calls one, and for whoever may start a night.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        DagAccessEntity,
        DagDetails,
    )
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
    from fastapi import HTTPException
    from fastapi.responses import PlainTextResponse, RedirectResponse

    from counterflow.pages.app import Reader
    from counterflow.settings import Settings

    manager = get_auth_manager()
    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException as refused:
        if "text/html" in request.headers.get("accept", "") and request.method == "GET":
            return RedirectResponse(manager.get_url_login(next_url=str(request.url)), 307)
        return PlainTextResponse("Log in to Airflow first.", refused.status_code)
    nightly = DagDetails(id="nightly")
    if not manager.is_authorized_dag(method="GET", details=nightly, user=user):
        return PlainTextResponse("Your role may not see the DAG `nightly`.", 403)
    starts = manager.is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=nightly, user=user
    )
    return Reader(analyses=starts or is_analyst(Settings.from_env().users, user.get_name()))


def is_analyst(users: str, name: str) -> bool:
    """Whether `login:role, …` says so of a login."""
    said = (one.strip().partition(":") for one in users.split(","))
    return any((login, role) == (name, "analyst") for login, _, role in said)


class CounterflowPlugin(AirflowPlugin):
    """One entry of the navigation, and where it leads."""

    name = "counterflow"
    fastapi_apps = [{"app": Pages(), "url_prefix": PREFIX, "name": "counterflow"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Missions",
            "href": f"{PREFIX}/missions",
            "destination": "nav",
            "url_route": "missions",
            "nav_top_level": True,
        }
    ]
