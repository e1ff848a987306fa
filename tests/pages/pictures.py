"""The pictures of docs/missions_page.md: five nights with two bad missions, in a real Airflow and in Chromium.

    make pictures

In: nothing, or a folder that `tests.pages.nights` has filled. Out: docs/images/*.png. They are made again when a page changes its
face, and looked at.
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from counterflow.orchestration.config import LocalAirflow, free_port
from counterflow.orchestration.processes import running
from counterflow.pages import sets
from counterflow.settings import PROJECT, Settings
from tests.pages import nights

IMAGES = PROJECT / "docs" / "images"
PHONE = {"width": 390, "height": 780}
WIDE = {"width": 1200, "height": 820}


@contextmanager
def api_server(settings: Settings) -> Iterator[LocalAirflow]:
    """Airflow's API server over a home, ready for requests."""
    made = LocalAirflow(replace(settings, users="ana:analyst"), free_port())
    with running(made, "api-server") as processes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(600):
            processes.check()
            try:
                opener.open(f"{made.url}/api/v2/version")
                break
            except OSError:
                time.sleep(0.2)
        yield made


def log_in(page: Page, airflow: LocalAirflow, path: str, user: str = "ana") -> None:
    """Ask for a page, and come to it by way of Airflow's login."""
    page.goto(airflow.url + path)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", airflow.password(user))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def take(airflow: LocalAirflow) -> None:
    """All pictures."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--no-proxy-server"]
        )
        for name, path, scheme, size in (
            ("missions_in_airflow", "/plugin/missions", "light", WIDE),
            ("missions_dark", "/counterflow/missions", "dark", WIDE),
            ("missions_phone", "/counterflow/missions", "light", PHONE),
            ("mission", "/counterflow/missions/UKR", "light", {"width": 1200, "height": 1180}),
            ("mission_phone_dark", "/counterflow/missions/BLR", "dark", PHONE),
            ("night", "/counterflow/nights/2010-11-29", "light", WIDE),
            ("steward_arabic", "/counterflow/pages/stewards/LBN.html", "light", PHONE),
            ("data_docs_dark", "/counterflow/pages/checks/case.html", "dark", WIDE),
        ):
            _one(browser, airflow, name, path, scheme, size)
        browser.close()


def _one(browser: Any, airflow: LocalAirflow, name: str, path: str, scheme: str, size: Any) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    log_in(page, airflow, "/counterflow/missions")
    page.goto(airflow.url + path)
    if path.startswith("/plugin"):
        page.frame_locator("iframe").locator("table.matrix").wait_for()
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"{name}.png {(IMAGES / f'{name}.png').stat().st_size // 1000} kB")
    context.close()


def main(folder: Path | None) -> None:
    """Make the nights, unless they are there, and take the pictures."""
    with tempfile.TemporaryDirectory() as made:
        home = folder or Path(made)
        settings = (
            Settings(home, home / "exports", home / "missions")
            if (home / "warehouse").exists()
            else nights.make(home)
        )
        sets.build(settings, ("stewards", "checks", "dbt"), anew=True)
        with api_server(settings) as airflow:
            take(airflow)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
