"""Who may do what in Airflow, asked of a running API server; and nothing without a token, on any route.

The API server alone, on SQLite: what a role may is decided before anything is looked up, so that 404 is a yes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import airflow as airflow_package
import pytest
import yaml
from playwright.sync_api import sync_playwright

from counterflow.orchestration.config import LocalAirflow, free_port, users_of
from counterflow.orchestration.processes import running
from counterflow.pages import sets, shelf
from counterflow.settings import Settings
from tests.pages import world
from tests.pages.pictures import log_in

USERS = {"ena": "engineer", "ofi": "officer", "ste": "steward", "ana": "analyst"}
# What answers without a token, and why: health and version hold no data, login is where tokens come from.
OPEN = {
    ("get", "/api/v2/monitor/health"),
    ("get", "/api/v2/version"),
    ("get", "/api/v2/auth/login"),
    ("get", "/api/v2/auth/logout"),
}

Ask = Callable[..., int]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    home = tmp_path_factory.mktemp("home")
    users = ", ".join(f"{login}:{role}" for login, role in USERS.items())
    settings = replace(world.settings(home), users=users)
    world.publish(settings)
    sets.build(settings, ("stewards",))
    shelf.replace(settings, "analysts", "0", lambda folder: (folder / "index.html").touch())
    dags = home / "no_dags"
    dags.mkdir()
    made = LocalAirflow(settings, free_port(), dags=dags)
    with running(made, "api-server") as processes:
        for _ in range(600):
            processes.check()
            try:
                _open(f"{made.url}/api/v2/version")
                break
            except OSError:
                time.sleep(0.2)
        yield made


def _open(url: str, method: str = "GET", body: Any = None, token: str = "") -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
    try:
        with opener.open(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else None
    except urllib.error.HTTPError as error:
        return error.code, None


@pytest.fixture(scope="module")
def asked(airflow: LocalAirflow) -> Ask:
    tokens = {}
    for login, role in USERS.items():
        body = {"username": login, "password": airflow.password(login)}
        code, said = _open(f"{airflow.url}/auth/token", "POST", body)
        assert code == 201
        tokens[role] = said["access_token"]

    def ask(role: str, method: str, path: str, body: Any = None) -> int:
        return _open(airflow.url + path, method, body, tokens[role])[0]

    return ask


NIGHTLY = "/api/v2/dags/nightly"
RUN = f"{NIGHTLY}/dagRuns"
ANSWER = "/api/v2/dags/release/dagRuns/x/taskInstances/approve/-1/hitlDetails"
CONNECTION = {"connection_id": "x", "conn_type": "http"}
MAY: list[tuple[str, str, Any, set[str]]] = [
    ("GET", NIGHTLY, None, {"engineer", "officer", "steward", "analyst"}),
    ("GET", RUN, None, {"engineer", "officer", "steward", "analyst"}),
    ("POST", RUN, {"logical_date": None}, {"engineer", "officer"}),
    ("PATCH", ANSWER, {"chosen_options": ["Approve"]}, {"engineer", "officer"}),
    ("PATCH", NIGHTLY, {"is_paused": True}, {"engineer", "officer"}),
    ("DELETE", NIGHTLY, None, {"engineer", "officer"}),
    ("GET", "/api/v2/connections", None, {"engineer"}),
    ("POST", "/api/v2/connections", CONNECTION, {"engineer"}),
    ("GET", "/api/v2/variables", None, {"engineer"}),
    ("POST", "/api/v2/variables", {"key": "x", "value": "y"}, {"engineer"}),
    ("PATCH", "/api/v2/pools/missions", {"slots": 1}, {"engineer"}),
]


@pytest.mark.parametrize(("method", "path", "body", "allowed"), MAY)
def test_a_role_may_what_it_is_for(
    asked: Ask, method: str, path: str, body: Any, allowed: set[str]
) -> None:
    codes = {role: asked(role, method, path, body) for role in sorted(USERS.values())}
    assert {role for role, code in codes.items() if code != 403} == allowed, codes
    assert 401 not in codes.values()


def _described(airflow: LocalAirflow, which: str) -> dict[str, Any]:
    """The description of an API: served, or (of the UI's own routes, which are not) as Airflow packs it."""
    if which == "ui":
        (package,) = airflow_package.__path__
        path = Path(package) / "api_fastapi/core_api/openapi/_private_ui.yaml"
        found: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        return found
    return dict(_open(f"{airflow.url}/openapi.json")[1])


@pytest.mark.parametrize(("which", "least"), [("api", 80), ("ui", 20)])
def test_no_route_answers_without_a_token(airflow: LocalAirflow, which: str, least: int) -> None:
    """Every route of both APIs, with every method: 401 or 403, but for what is listed as open."""
    described, answered = _described(airflow, which), {}
    for path, methods in described["paths"].items():
        for method in methods.keys() & {"get", "post", "put", "patch", "delete", "head"}:
            if path.startswith("/auth/"):
                continue  # the login itself
            real = re.sub(r"\{[^}]*\}", "1", path)
            body = None if method in ("get", "head") else {}
            code, _ = _open(airflow.url + real, method.upper(), body)
            if code not in (401, 403):
                answered[method, path] = code
    assert len(described["paths"]) >= least
    assert set(answered) <= OPEN, answered
    assert set(answered) == {one for one in OPEN if one[1] in described["paths"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "connections/x"),
        ("GET", "variables/counterflow_master_key"),
        ("GET", "xcoms/nightly/x/plan/return_value"),
        ("PATCH", "task-instances/01900000-0000-7000-8000-000000000000/run"),
        ("PUT", "task-instances/01900000-0000-7000-8000-000000000000/heartbeat"),
        ("POST", "dag-runs/nightly/x"),
    ],
)
def test_the_tasks_own_api_wants_a_task_s_token(
    airflow: LocalAirflow, asked: Ask, method: str, path: str
) -> None:
    body = None if method == "GET" else {}
    code, _ = _open(f"{airflow.url}/execution/{path}", method, body)
    assert code in (401, 403)
    assert asked("engineer", method, f"/execution/{path}", body) in (401, 403)  # a person's is none


PAGES = (
    "missions",
    "missions/MDA",
    "nights/2010-11-29",
    "pages/stewards/MDA.html",
    "static/pages.css",
    "no/such",
)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_whoever_may_see_the_nights_and_for_nobody_else(
    airflow: LocalAirflow, asked: Ask, path: str
) -> None:
    there = 404 if path == "no/such" else 200
    assert {asked(role, "GET", f"/counterflow/{path}") for role in USERS.values()} == {there}
    for token in ("", "e30.e30.e30"):
        for method in ("GET", "POST", "HEAD"):
            assert _open(f"{airflow.url}/counterflow/{path}", method, token=token)[0] in (401, 403)


def test_the_analysts_pages_are_not_for_stewards(asked: Ask) -> None:
    codes = {role: asked(role, "GET", "/counterflow/pages/analysts/") for role in USERS.values()}
    assert codes == {"engineer": 200, "officer": 200, "analyst": 200, "steward": 403}


def test_a_browser_comes_to_a_mission_by_way_of_the_login_and_finds_it_in_the_ui(
    airflow: LocalAirflow,
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--no-proxy-server"]
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        log_in(page, airflow, "/counterflow/missions/MDA", "ste")  # it fails unless it ends there
        assert page.locator("h1").inner_text().startswith("Moldova")
        page.goto(f"{airflow.url}/plugin/missions")
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="Belarus").first.click()
        page.wait_for_url("**/plugin/missions/counterflow/missions/BLR")  # can be sent to somebody
        frame.get_by_role("link", name="Airflow run").click()
        page.wait_for_url("**/dags/nightly")
        browser.close()


READS_THE_PLUGIN = """
import json, resource, sys, time
import airflow.plugins_manager
before, began = set(sys.modules), time.process_time()
import airflow_plugin
seconds = time.process_time() - began
print(json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""


def test_airflow_s_other_processes_load_nothing_with_the_plugin(airflow: LocalAirflow) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READS_THE_PLUGIN], cwd=airflow.plugins, env=airflow.environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    print(f"read in {seconds * 1000:.1f} ms")
    assert modules == ["airflow_plugin"]


def test_a_wrong_password_and_a_made_up_token_are_no_way_in(airflow: LocalAirflow) -> None:
    code, _ = _open(f"{airflow.url}/auth/token", "POST", {"username": "ena", "password": "guess"})
    assert code == 401
    assert _open(f"{airflow.url}/api/v2/dags", token="e30.e30.e30")[0] in (401, 403)


def test_passwords_are_in_one_private_file_and_in_no_log(airflow: LocalAirflow) -> None:
    assert airflow.passwords.stat().st_mode & 0o077 == 0
    for path in (airflow.home / "logs").rglob("*.log"):
        text = path.read_text("utf-8", "replace")
        assert [login for login in USERS if airflow.password(login) in text] == []


@pytest.mark.parametrize("text", ["ana:boss", "ana", "admin:analyst", "a b:analyst"])
def test_users_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="COUNTERFLOW_USERS"):
        users_of(text)


def test_a_new_user_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, exports=tmp_path, missions=tmp_path)
    first = LocalAirflow(settings, 1)
    first.write()
    before = first.password()
    second = LocalAirflow(replace(settings, users="ana:analyst"), 1)
    second.write()
    assert second.password() == before
    assert second.password("ana") != before
