"""`counterflow doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import json

import typer

from counterflow.cli.common import AsJson
from counterflow.settings import Settings


def doctor(as_json: AsJson = False) -> None:
    """Look at this installation: what is wrong, why it matters, how to mend it. Exit 1 if anything is broken.

    Example: counterflow doctor
    """
    from counterflow.display import findings_page
    from counterflow.doctor import BROKEN, examine

    found = examine(Settings.from_env())
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
    else:
        findings_page(found)
    if any(one.state == BROKEN for one in found):
        raise typer.Exit(1)
