"""Verbs that make pages: the sets of a publication anew, and one steward's page to mail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import current

app = typer.Typer(help="Pages for people, made of what is published.", no_args_is_help=True)


@app.command("build")
def build(
    name: Annotated[
        list[str] | None, typer.Argument(help="Sets of pages; without one, all of them.")
    ] = None,
) -> None:
    """Build sets of pages anew, as a night does after its publication.

    Example: counterflow pages build stewards checks
    """
    from counterflow.display import bar
    from counterflow.pages import sets

    settings = current()
    with bar("pages") as progress:
        shelved = sets.build(settings, name or ("all",), anew=True, progress=progress)
    if not (shelved.built or shelved.failed):
        raise ValueError("nothing has been published yet: run `counterflow nightly`")
    typer.echo(f"{shelved.text} (in {settings.pages})")
    if shelved.failed:
        raise typer.Exit(1)


@app.command("steward")
def steward(
    mission: Annotated[str, typer.Option(help="Its ISO 3166 alpha-3 code.")],
    out: Annotated[
        Path | None, typer.Option(help="The file; default: <MISSION>.html in this folder.")
    ] = None,
) -> None:
    """Write the page for a mission's steward: one file to mail, in the mission's language where there are words in it.

    Example: counterflow pages steward --mission MDA --out moldova.html
    """
    from counterflow import disk
    from counterflow.pages import stewards

    target = out or Path(f"{mission}.html")
    disk.write_text(target, stewards.page(current(), mission))
    typer.echo(
        f"{target}: counts and places, and nothing of a person; mail it to the mission's desk"
    )
