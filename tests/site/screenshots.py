"""The pictures of the docs: `python -m tests.site.screenshots` makes them of the synthetic missions of `make demo`.

In: the published warehouse of COUNTERFLOW_HOME. Out: `docs/images/site_*.png`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from counterflow import site
from counterflow.settings import PROJECT, Settings
from tests.servers.running import program

IMAGES = PROJECT / "docs" / "images"
# name → page, what is scrolled to, light or dark, width and height
SHOTS = {
    "site_question": (
        "questions/how-perpetrators-work.html",
        "#question-27",
        "light",
        (1180, 1150),
    ),
    "site_routes": ("questions/routes.html", "#question-35", "light", (1180, 950)),
    "site_table_dark": ("tables/core.fct_case.html", "h1", "dark", (1180, 800)),
    "site_phone": ("questions/who-they-are.html", "#question-2", "light", (390, 844)),
}


def main() -> None:
    """Make every picture."""
    settings = Settings.from_env()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "site"
        site.build(settings.warehouse / "warehouse.duckdb", out, settings)
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox"]
        )
        for name, (page, target, scheme, (width, height)) in SHOTS.items():
            shown = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )  # type: ignore[arg-type]
            shown.goto((out / page).as_uri())
            shown.evaluate("where => document.querySelector(where).scrollIntoView()", target)
            shown.screenshot(path=IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
