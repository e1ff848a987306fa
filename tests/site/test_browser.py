"""The site in Debian's Chromium, opened from the disk: no request leaves, nothing is in anybody's way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers.running import needs, program

pytestmark = needs("chromium")
PAGES = (
    "index.html", "questions.html", "questions/who-they-are.html", "questions/routes.html", "wrong-ways.html",
    "catalogue.html", "tables/core.fct_case.html", "codes/case_status.html", "releases.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture
def heard() -> list[str]:
    """What a page asked for that is no file beside it, and what its console said."""
    return []


@pytest.fixture
def context(browser: Browser, heard: list[str]) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1200, "height": 900})
    made.on("request", lambda r: None if r.url.startswith("file:") else heard.append(r.url))
    made.on("console", lambda message: heard.append(message.text))
    made.on("weberror", lambda error: heard.append(str(error.error)))
    made.on("dialog", lambda dialog: heard.append(dialog.message))
    yield made
    made.close()


def opened(context: BrowserContext, made: Path, page: str) -> Page:
    shown = context.new_page()
    shown.goto((made / page).as_uri())
    return shown


def test_no_request_leaves_and_nothing_is_blocked(
    context: BrowserContext, made: Path, heard: list[str]
) -> None:
    """A style or script that the policy blocks would be on the console."""
    shown = context.new_page()
    themes = sorted(f"questions/{path.name}" for path in (made / "questions").iterdir())
    for path in dict.fromkeys((*PAGES, *themes)):
        shown.goto((made / path).as_uri())
        assert shown.evaluate("document.styleSheets.length") == 1, path
        assert shown.evaluate("typeof root") == "string", "its script runs"
    assert heard == []


def test_the_watch_hears_a_request(context: BrowserContext, made: Path, heard: list[str]) -> None:
    """The positive control of the test above."""
    shown = opened(context, made, "index.html")
    shown.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => null)")
    shown.evaluate("document.body.insertAdjacentHTML('beforeend', '<i style=\"color: red\">x</i>')")
    assert any("connect-src" in line or "default-src" in line for line in heard)
    assert any("style-src" in line for line in heard)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, made: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    rules = None if scheme == "light" else {"runOnly": ["color-contrast"]}
    for page in PAGES:
        shown = opened(context, made, page)
        found = Axe().run(shown, options=rules).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        told = [
            (v["id"], v["nodes"][0]["html"][:120], v["nodes"][0]["failureSummary"][:200])
            for v in serious
        ]
        assert told == [], page
        shown.close()
    context.close()


def test_axe_finds_what_is_wrong(browser: Browser, made: Path) -> None:
    context = browser.new_context(bypass_csp=True)
    shown = opened(context, made, "index.html")
    shown.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<main><img src=x><p style=\"color:#eee\">pale</p></main>')"
    )
    found = {v["id"] for v in Axe().run(shown).response["violations"]}
    assert {"image-alt", "color-contrast"} <= found
    context.close()


def test_search_by_keyboard(context: BrowserContext, made: Path, heard: list[str]) -> None:
    shown = opened(context, made, "questions/routes.html")
    shown.keyboard.press("/")
    shown.keyboard.type("share of wom")
    first = shown.locator("#found li a").first
    first.wait_for()
    assert first.text_content() == "2. How did the share of women change from period to period?"
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("Enter")
    shown.wait_for_url("**/questions/who-they-are.html#question-2")
    shown.keyboard.press("/")
    shown.keyboard.type("alert")  # a label that is a script
    shown.locator("#found li a").first.wait_for()
    shown.keyboard.press("Escape")
    assert shown.locator("#found").is_hidden()
    shown.locator("#search").fill("zzzz")
    assert "Nothing found" in (shown.locator("#found").text_content() or "")
    assert heard == []


def test_sql_is_copied(context: BrowserContext, made: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = opened(context, made, "questions/who-they-are.html")
    block = shown.locator("#question-2 .sql")
    block.locator("summary").click()
    block.locator("button").click()
    block.get_by_text("Copied").wait_for()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == block.locator("code").text_content()
    assert copied.startswith("select period, numerator as women")


def test_a_phone_scrolls_tables_and_not_the_page(browser: Browser, made: Path) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 700})
    for page in PAGES:
        shown = opened(context, made, page)
        assert shown.evaluate("document.documentElement.scrollWidth") <= 375, page
        shown.close()
    context.close()


def test_without_script_all_is_there_but_search_and_copying(browser: Browser, made: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    shown = opened(context, made, "questions/who-they-are.html")
    assert shown.locator("form").is_hidden()
    assert shown.locator("#question-2 .copy").is_hidden()
    assert shown.locator("#question-2 svg").first.is_visible()
    shown.locator("#question-2 summary").click()
    assert shown.locator("#question-2 pre").is_visible()
    context.close()
