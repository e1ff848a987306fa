"""The pages as a server answers them: nobody passes the guard, nothing a mission wrote is markup, and states that are none."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from counterflow.pages import shelf
from counterflow.pages.app import Reader, create_app
from counterflow.settings import Settings
from tests.pages import world
from tests.pages.serving import everybody


def client(settings: Settings) -> TestClient:
    outer = FastAPI()
    outer.mount("/counterflow", create_app(lambda: settings, everybody))
    return TestClient(outer, base_url="http://here/counterflow/", follow_redirects=False)


@pytest.fixture(scope="module")
def pages(home: Settings) -> Iterator[TestClient]:
    with client(home) as made:
        yield made


def text(answer: Response) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", answer.text))


def test_nothing_is_answered_past_the_guard(home: Settings) -> None:
    async def nobody(_: Request) -> Response:
        return Response("no", 401)

    app = create_app(lambda: home, nobody)
    paths = [
        "/",
        "/missions",
        "/missions/MDA",
        "/nights",
        "/nights/2010-11-29",
        "/static/pages.css",
        "/pages/stewards",
        "/pages/stewards/MDA.html",
        "/runbooks/mission_late",
        "/releases/001/README.md",
        "/docs",
        "/openapi.json",
        "/no/such",
    ]
    with TestClient(app, follow_redirects=False) as asking:
        assert {asking.get(path).status_code for path in paths} == {401}
        assert {asking.get(path).text for path in paths} == {"no"}
        for method in ("post", "put", "delete", "head", "options"):
            assert getattr(asking, method)("/missions").status_code == 401
    known = {getattr(route, "path", "") for route in app.routes}
    assert len(known) == 11  # a new route is one line above, too


def test_what_is_for_analysts_is_for_no_other_reader(home: Settings) -> None:
    async def reader(_: Request) -> Reader:
        return Reader()

    def build(folder: Path) -> None:
        (folder / "index.html").write_text("a count of 1")

    shelf.replace(home, "analysts", "0", build)
    outer = FastAPI()
    outer.mount("/counterflow", create_app(lambda: home, reader))
    with TestClient(outer, base_url="http://here/counterflow/") as other, client(home) as analyst:
        for path in ("pages/analysts/", "pages/analysts/index.html", "pages/analysts"):
            assert other.get(path).status_code == 403
            assert "a count" not in other.get(path).text
            assert analyst.get(path, follow_redirects=True).text == "a count of 1"
        for sly in (
            "pages//analysts/",
            "pages/./analysts/",
            "pages/stewards/..%2fanalysts/index.html",
            "pages/ANALYSTS/",
        ):
            assert "a count" not in other.get(sly).text
        for path in ("missions/ALB", "nights/2010-11-29"):
            assert "Codes that no row uses" not in other.get(path).text
            assert "Codes that no row uses" in analyst.get(path).text
        assert "For analysts" not in other.get("missions").text
        assert "For analysts" in analyst.get("missions").text
    (home.pages / "analysts").unlink()


def test_every_answer_has_a_policy_and_no_page_runs_what_it_is_given(pages: TestClient) -> None:
    for path in (
        "missions",
        "missions/CIV",
        "nights/2010-11-29",
        "static/pages.js",
        "no/such",
        "missions/XXX",
    ):
        answer = pages.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "private" in answer.headers["cache-control"]
        assert world.EVIL not in answer.text
        assert "onerror=&#34;" not in answer.text.replace("&lt;img src=x onerror=&#34;", "")
    assert "&lt;script&gt;" in pages.get("missions/CIV").text
    assert (
        "connect-src 'none'"
        in pages.get("pages/stewards/CIV.html").headers["content-security-policy"]
    )


def test_the_matrix_shows_every_mission_and_night(pages: TestClient) -> None:
    page = pages.get("missions").text
    assert page.count("data-text=") == len(world.MISSIONS)
    for night in world.NIGHTS:
        assert f'/counterflow/nights/{night}"' in page
    said = text(pages.get("missions"))
    assert "14 of" not in said
    assert "6 of 6 missions" in said
    assert "95.5" in said


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("q=mold", "Moldova", 1),
        ("q=EASTERN+ukr", "Ukraine", 1),
        ("status=refused", "Belarus", 1),
        ("status=stale", "Belarus", 2),
        ("sort=score", "Ukraine", 6),
        ("sort=score&order=desc", "Albania", 6),
        ("sort=status", "Belarus", 6),
        ("sort=success", "Belarus", 6),
        ("q=nobody", "", 0),
        ("sort=;drop&status=x&nights=1e9&order=up", "Albania", 6),
    ],
)
def test_what_is_asked_for_stands_in_the_address(
    pages: TestClient, query: str, first: str, count: int
) -> None:
    page = pages.get(f"missions?{query}")
    assert page.status_code == 200
    names = re.findall(r'<th scope="row" class="first"><a href="[^"]*">([^<]*)', page.text)
    assert len(names) == count
    assert (names or [""])[0] == first


def test_nights_may_be_fewer(pages: TestClient) -> None:
    assert pages.get("missions?nights=2").text.count('class="night"') == 2


def test_a_mission_s_page_says_what_to_do(pages: TestClient) -> None:
    said = text(pages.get("missions/ALB"))
    for piece in (
        "What a steward should do next", "Tell us what new codes mean", "cases.csv", "Column: Sex", "17", "case.gender_mapped",
        "Codes that the contract does not list", "Consent answers that the contract does not list", "something new",
        "Withheld: no consent 30", "Citizenship",
        "Personal, never read into anything", "Name", "every night", "mission_test",
    ):  # fmt: skip
        assert piece in said, piece
    late = pages.get("missions/UKR")
    assert "/counterflow/runbooks/mission_late" in late.text
    assert "Send a new export" in text(late)
    assert "UKR.yml" in text(late)  # its contract cannot be used, and the page says where


def test_of_a_few_cases_nobody_is_told_what_they_answered(tmp_path: Path) -> None:
    import duckdb

    made = world.settings(tmp_path)
    world.publish(made)
    with duckdb.connect(str(made.warehouse / "warehouse.duckdb")) as connection:
        connection.execute(
            "update quality.field_coverage set cases = 10, answered = 1, unknown = 9, not_asked = 0 where mission_code = 'ALB'"
        )
    with client(made) as asking:
        said = text(asking.get("missions/ALB"))
        assert "Fewer than 11 cases are published" in said
        assert "control.means_of_control" not in said
        assert "Answer this question more often" not in said
        assert "control.means_of_control" in text(asking.get("missions/MDA"))


def test_a_night_s_page_has_what_needs_somebody(pages: TestClient) -> None:
    page = pages.get("nights/2010-11-29")
    said = text(page)
    assert "2 missions" not in said
    assert "Belarus" in said
    assert 'rel="prev" href="/counterflow/nights/2010-11-28"' in page.text
    assert 'rel="next"' not in page.text
    assert pages.get("nights").headers["location"] == "/counterflow/nights/2010-11-29"
    assert "what analysts open now" in said


@pytest.mark.parametrize(
    "path",
    ["missions/XXX", "missions/mda", "missions/..%2f", "nights/2010-13-01", "nights/2009-01-01", "nights/x", "runbooks/nothing", "runbooks/..%2fengineers", "pages/nothing/", "pages/stewards/..%2f..%2fkeys%2fmaster.key", "static/app.py", "nothing"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(pages: TestClient, path: str) -> None:
    assert pages.get(path).status_code == 404


def test_runbooks_are_pages_and_the_agency_s_own_go_before(
    pages: TestClient, home: Settings
) -> None:
    assert "<h1>" in pages.get("runbooks/mission_late").text
    own = replace(home, notices=replace(home.notices, pages="https://wiki.example.org/"))
    with client(own) as asking:
        assert 'href="https://wiki.example.org/mission_late.md"' in asking.get("missions/UKR").text


def test_links_lead_to_the_run_that_loaded_the_night(home: Settings) -> None:
    from counterflow import nights

    with client(home) as asking:
        assert 'href="/dags/nightly"' in asking.get("nights/2010-11-29").text
        nights.came_from(home, world.NIGHTS[-1], "manual__2010-11-29T02:00:00+00:00")
        run = "/dags/nightly/runs/manual__2010-11-29T02%3A00%3A00%2B00%3A00"
        assert f'href="{run}"' in asking.get("nights/2010-11-29").text
        assert f'href="{run}/tasks/ingest"' in asking.get("missions/MDA").text
    shutil.rmtree(home.nights)


def test_nothing_published_yet_is_said(tmp_path: Path) -> None:
    with client(world.settings(tmp_path)) as asking:
        for path in ("missions", "missions/MDA", "nights", "nights/2010-11-25"):
            answer = asking.get(path)
            assert answer.status_code == 503
            assert "Nothing has been published yet" in answer.text


def test_a_warehouse_without_a_night_is_said(tmp_path: Path) -> None:
    made = world.settings(tmp_path)
    world.publish(made, [])
    with client(made) as asking:
        assert "holds no night yet" in asking.get("missions").text
        assert "No night has a record" in asking.get("missions/MDA").text
        assert asking.get("nights").status_code == 404


@pytest.mark.parametrize("content", [b"", b"not a database", b"PAR1" * 999])
def test_a_warehouse_that_cannot_be_read_is_said(tmp_path: Path, content: bytes) -> None:
    made = world.settings(tmp_path)
    made.warehouse.mkdir()
    (made.warehouse / "warehouse.duckdb").write_bytes(content)
    with client(made) as asking:
        answer = asking.get("missions")
        assert answer.status_code == 503
        assert "cannot be read" in answer.text or "no night" in answer.text


def test_a_warehouse_without_our_tables_is_said(tmp_path: Path) -> None:
    import duckdb

    made = world.settings(tmp_path)
    made.warehouse.mkdir()
    with duckdb.connect(str(made.warehouse / "warehouse.duckdb")) as connection:
        connection.execute("create table other (x int)")
    with client(made) as asking:
        answer = asking.get("missions")
    assert (answer.status_code, "cannot be read" in answer.text) == (503, True)


def test_an_encrypted_warehouse_without_its_key_is_said(tmp_path: Path) -> None:
    from counterflow import keys
    from counterflow.sealing import PUBLISHED, Seal

    made = world.settings(tmp_path)
    keys.begin(made)
    made.warehouse.mkdir()
    with Seal.of(made).connect() as connection:
        Seal.of(made).attach(connection, made.warehouse / "warehouse.duckdb", "w", False, PUBLISHED)
        connection.execute("create table w.x as select 1 as y")
    shutil.rmtree(made.keys)
    with client(made) as asking:
        answer = asking.get("missions")
    assert (answer.status_code, "has no key to it" in answer.text) == (503, True)
    assert "runbooks/key_refused" in answer.text


def test_a_page_sees_the_publication_that_took_the_place_of_another(tmp_path: Path) -> None:
    made = world.settings(tmp_path)
    world.publish(made, world.NIGHTS[:2])
    with client(made) as asking:
        assert asking.get("missions").text.count('class="night"') == 2
        world.publish(made)
        assert asking.get("missions").text.count('class="night"') == 5


def test_a_file_of_a_release_is_served_and_nothing_beside_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, exports=tmp_path, missions=tmp_path)
    for name in (
        "001/README.md",
        "001/data/trends.csv",
        ".candidate-002/README.md",
        ".inside/001/cells",
        "ledger.jsonl",
    ):
        path = settings.releases / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
    (tmp_path / "secret").write_text("secret")
    (settings.releases / "001" / "out").symlink_to(tmp_path / "secret")
    with client(settings) as pages:
        assert pages.get("releases/001/README.md").text == "this is 001/README.md"
        answer = pages.get("releases/001/data/trends.csv")
        assert answer.text == "this is 001/data/trends.csv"
        assert "sandbox" in answer.headers["content-security-policy"]
        for path in (
            "releases/001/", "releases/001/data", "releases/002/README.md", "releases/.candidate-002/README.md",
            "releases/.inside/001/cells", "releases/001/..%2Fledger.jsonl", "releases/001/%2e%2e/%2e%2e/secret",
            "releases/001/out", "releases/%2e%2e/secret", "releases/001/a%00b",
        ):  # fmt: skip
            assert pages.get(path).status_code == 404, path
