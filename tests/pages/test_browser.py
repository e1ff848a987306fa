"""The pages in Debian's Chromium: light and dark, wide and narrow, by keyboard, for those who do not see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from counterflow.settings import Settings
from tests.pages.serving import served

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def address(home: Settings) -> Iterator[str]:
    with served(lambda: home) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that fails its test for a script's error, a refused resource, or a request to anybody else."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(20_000)
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    own = address.removesuffix("/counterflow")
    made.on("request", lambda r: None if r.url.startswith((own, "data:")) else wrong.append(r.url))
    yield made
    context.close()
    assert wrong == []


def _is_wrong(said: ConsoleMessage) -> bool:
    """An error; the browser's own question for an icon is none."""
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


def serious(page: Page) -> list[tuple[str, Any]]:
    found = Axe().run(page).response["violations"]
    return [
        (v["id"], [n["html"][:200] for n in v["nodes"]][:3])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


PATHS = [
    "/missions",
    "/missions/ALB",
    "/missions/CIV",
    "/nights/2010-11-29",
    "/pages/checks/case.html",
    "/pages/stewards/SYR.html",
    "/missions/XXX",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(page: Page, address: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for path in PATHS[:-1]:
        page.goto(address + path)
        page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
        assert serious(page) == [], path
    page.set_viewport_size(PHONE)
    page.goto(f"{address}/missions")
    assert serious(page) == []


def test_on_a_phone_no_page_is_wider_than_it(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)
    for path in PATHS[:-1]:
        page.goto(address + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path
    page.goto(f"{address}/missions")
    assert page.locator(".matrix th.first a").first.is_visible()


def test_what_a_mission_wrote_does_nothing(page: Page, address: str) -> None:
    for path in (
        "/missions",
        "/missions/CIV",
        "/missions/BLR",
        "/nights/2010-11-29",
        "/pages/stewards/CIV.html",
    ):
        page.goto(address + path)
        assert page.title() != "owned"
        assert page.locator("main img").count() == 0


def test_a_status_is_told_by_a_sign_and_a_word(page: Page, address: str) -> None:
    page.goto(f"{address}/missions")
    row = page.locator("tbody tr", has_text="Belarus")
    assert row.locator("td").first.inner_text().split()[:2] == ["✕", "refused"]
    cell = row.locator("td.cell a").last
    assert "refused" in (cell.get_attribute("title") or "")
    assert cell.inner_text().startswith("✕")
    signs = page.locator(".legend .sign").all_inner_texts()
    assert len(signs) == len(set(signs)) == 6


def test_it_filters_while_one_types_and_by_address_without_a_script(
    page: Page, address: str, browser: Browser
) -> None:
    page.goto(f"{address}/missions")
    page.keyboard.press("/")
    page.keyboard.type("mold")
    assert page.locator("tbody tr:visible").count() == 1
    assert page.locator("[data-shown]").inner_text() == "1 of 6 shown"
    page.keyboard.press("Enter")
    page.wait_for_url("**q=mold**")
    assert page.locator("tbody tr").count() == 1
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{address}/missions?status=refused")
    assert plain.locator("tbody tr").count() == 1
    plain.get_by_role("link", name="Belarus").first.click()
    assert plain.locator("h1").inner_text().startswith("Belarus")
    context.close()


def test_columns_sort_and_the_order_can_be_sent_to_somebody(page: Page, address: str) -> None:
    page.goto(f"{address}/missions")
    page.get_by_role("link", name="Quality").click()
    assert "sort=score" in page.url
    assert page.locator("tbody th a").first.inner_text() == "Ukraine"
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Quality")
    page.get_by_role("link", name="Quality").click()
    assert page.locator("tbody th a").first.inner_text() == "Albania"


def test_arrow_keys_move_between_cells_and_enter_opens_one(page: Page, address: str) -> None:
    page.goto(f"{address}/missions")
    page.locator("tbody tr").first.locator("td.cell a").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/missions/BLR#n2010-11-26")
    assert page.evaluate("document.querySelector(':target').id") == "n2010-11-26"


def test_tab_reaches_the_content_first_and_focus_is_seen(page: Page, address: str) -> None:
    page.goto(f"{address}/missions")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_in_a_frame_it_takes_the_frame_s_colours_and_links_leave_it(
    page: Page, address: str
) -> None:
    """As Airflow frames it: no navigation of the parent is allowed, but its document is of the same origin."""
    outer = f"{address}/missions/XXX"  # any page of this origin, as Airflow's is
    page.route("**/outer", lambda route: route.fulfill(content_type="text/html", body=(
        f'<html class="dark"><body><iframe sandbox="allow-scripts allow-same-origin allow-forms" src="{address}/missions" width="900" height="700"></iframe></body></html>'
    )))  # fmt: skip
    page.goto(f"{outer.rsplit('/', 2)[0]}/outer")
    frame = page.frame_locator("iframe")
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    page.route("**/dags/nightly", lambda route: route.fulfill(body="Airflow"))
    frame.get_by_role("link", name="Airflow run").click()
    page.wait_for_url("**/dags/nightly")


def test_the_steward_s_page_reads_from_right_to_left(page: Page, address: str) -> None:
    page.goto(f"{address}/pages/stewards/SYR.html")
    direction = page.evaluate("getComputedStyle(document.querySelector('h1')).direction")
    assert direction == "rtl"
