"""Airflow's REST API, the little of it that starts and follows a run: requests in, plain dicts out."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from counterflow.orchestration.config import USER, LocalAirflow

Json = dict[str, Any]
FINAL = {"success", "failed", "skipped", "upstream_failed", "removed"}


class ApiError(Exception):
    """The API refused a request, or answered too late."""


class Api:
    """One session with the API of a local Airflow, logged in when first needed."""

    def __init__(self, airflow: LocalAirflow, alive: Callable[[], None]) -> None:
        self._airflow = airflow
        self._alive = alive  # raises when Airflow is gone, so that nobody waits for the dead
        self._token: str | None = None
        # Never through a proxy: this is the same machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def wait_for_dag(self, dag_id: str, timeout: float = 120.0) -> None:
        """Wait until the API answers and the DAG can be triggered; an import error is said at once.

        The tasks' own API builds its routes at its first request, for some 4 s: it gets one here, so
        that the first task does not wait.
        """
        ends = time.monotonic() + timeout
        while time.monotonic() < ends:
            self._alive()
            try:
                if any(dag["dag_id"] == dag_id for dag in self._get("/api/v2/dags")["dags"]):
                    self._ask(urllib.request.Request(f"{self._airflow.url}/execution/health"))
                    return
                for problem in self._get("/api/v2/importErrors")["import_errors"]:
                    raise ApiError(f"{problem['filename']}: {problem['stack_trace'].strip()}")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass  # not yet listening
            time.sleep(0.3)
        raise ApiError(f"DAG {dag_id} did not appear within {timeout:.0f} s")

    def trigger(self, dag_id: str, conf: Json) -> str:
        """Start a run with these parameters; its id."""
        run: Json = self._post(
            f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf}
        )
        return str(run["dag_run_id"])

    def follow(self, dag_id: str, run_id: str, every: float = 1.0) -> Iterator[Json]:
        """Yield each task instance as it changes, until the run has ended; the run itself comes last.

        Only what changed since the last look is asked for: the API serves the tasks at the same time.
        """
        run = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        seen: dict[tuple[str, int], str] = {}
        since: str | None = None
        while True:
            self._alive()
            state = self._get(run)  # before the tasks, so that a run that has ended shows them all
            query: dict[str, Any] = {"limit": 1000, "order_by": "id"}
            if since is not None:
                query["updated_at_gte"] = since
            for task in self._get(f"{run}/taskInstances?{urlencode(query)}")["task_instances"]:
                key = (task["task_id"], task["map_index"])
                if task["state"] is not None and seen.get(key) != task["state"]:
                    seen[key] = task["state"]
                    yield task
            if state["state"] in FINAL:
                yield state
                return
            time.sleep(every)

    def reason(self, dag_id: str, run_id: str, task: Json) -> str:
        """Why a task failed, from its log; empty if the log does not say."""
        path = (
            f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task['task_id']}"
            f"/logs/{task['try_number']}?map_index={task['map_index']}"
        )
        for line in reversed(self._get(path)["content"]):
            for detail in line.get("error_detail") or []:
                return str(detail["exc_value"])
        return ""

    def answer(self, dag_id: str, run_id: str, task_id: str, choice: str) -> None:
        """Answer a task that waits for a person."""
        run = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        self._send(
            f"{run}/taskInstances/{task_id}/-1/hitlDetails", {"chosen_options": [choice]}, "PATCH"
        )

    def _get(self, path: str) -> Json:
        return self._ask(urllib.request.Request(self._airflow.url + path))

    def _post(self, path: str, body: Json) -> Json:
        return self._send(path, body, "POST")

    def _send(self, path: str, body: Json, method: str) -> Json:
        return self._ask(
            urllib.request.Request(
                self._airflow.url + path,
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
                method=method,
            )
        )

    def _ask(self, request: urllib.request.Request, login: bool = True) -> Json:
        if login:
            if self._token is None:
                self._token = self._login()
            request.add_header("Authorization", f"Bearer {self._token}")
        request.add_header("Accept", "application/json")
        try:
            with self._opener.open(request, timeout=30) as answer:
                found: Json = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise ApiError(f"{request.full_url}: {error.code} {error.reason}") from None

    def _login(self) -> str:
        body = json.dumps({"username": USER, "password": self._airflow.password()})
        request = urllib.request.Request(
            f"{self._airflow.url}/auth/token",
            data=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        return str(self._ask(request, login=False)["access_token"])
