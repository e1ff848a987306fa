"""Verbs that make pages of what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import current


def site(
    out: Annotated[
        Path, typer.Option("--out", help="A new folder, or an older site, which is replaced.")
    ],
) -> None:
    """Make the analysts' site: answers, plots and the catalogue, as pages that need no network.

    Example: counterflow site --out /tmp/site
    """
    from counterflow import site as pages

    settings = current()
    pages.build(settings.warehouse / "warehouse.duckdb", out, settings)
    typer.echo(f"the site is in {out / 'index.html'}: internal, as the warehouse is")
