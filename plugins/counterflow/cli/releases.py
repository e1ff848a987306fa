"""Verbs for numbered, disclosure-controlled releases."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, current

app = typer.Typer(
    help="Numbered, frozen, disclosure-controlled releases for outside.", no_args_is_help=True
)


@app.command("build")
def release_build(
    approve: Annotated[
        str | None, typer.Option(help="Your name: release it if every gate passes, without asking.")
    ] = None,
    number: Annotated[
        str | None, typer.Option(help="Default: the next; a number is never used twice.")
    ] = None,
    k: Annotated[
        int | None, typer.Option(help="More than the policy's k; never less than 11.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Another policy file.", exists=True, dir_okay=False)
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Take the place of a candidate that waits.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the next release of the published warehouse, run its gates, and ask whether to release it.

    Without --approve and without a yes typed at a terminal, nothing is released.

    Example: counterflow release build --approve "data protection desk"
    """
    from counterflow.display import steps
    from counterflow.release import building, deciding
    from counterflow.release.policy import FILE, load

    settings = current()
    chosen = load(policy or FILE)
    with steps(quiet=as_json) as told:
        built = building.build(settings, chosen.with_k(k) if k else chosen, number, replace, told)
    if not as_json:
        from counterflow.display import release_page

        release_page(built)
    by = approve or ("" if as_json or not sys.stdin.isatty() else _asked(built.number))
    if not by.strip():
        deciding.reject(settings, built.number, "nobody approved it")
        if as_json:
            typer.echo(json.dumps(built.to_dict() | {"decision": "rejected"}, indent=1))
        typer.echo(f"release {built.number} was not approved, and is not released", err=True)
        raise typer.Exit(1)
    deciding.approve(settings, built.number, built.digest, by)
    if as_json:
        typer.echo(json.dumps(built.to_dict() | {"decision": "released", "approver": by}, indent=1))
    else:
        typer.echo(
            f"release {built.number} is in {settings.releases / built.number}; approved by {by}"
        )


def _asked(number: str) -> str:
    """The name of whoever says yes; empty for anything else."""
    if not typer.confirm(f"Release {number} to outside?", default=False):
        return ""
    return str(typer.prompt("Your name, for the ledger", default="", show_default=False))


@app.command("list")
def release_list(as_json: AsJson = False) -> None:
    """Every candidate and release, what became of it, and its revisions.

    Example: counterflow release list --json
    """
    from counterflow.display import rows_table
    from counterflow.release.verification import listed

    found = listed(current())
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    names = ("number", "night", "event", "k", "rows", "approver", "revision", "detail")
    rows_table(names, [tuple(one[name] for name in names) for one in found])


@app.command("verify")
def release_verify(
    number: Annotated[str | None, typer.Argument(help="Default: every release.")] = None,
    path: Annotated[
        Path | None, typer.Option(help="A copy of a release, anywhere; no warehouse is needed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check releases again from their files alone: hashes, formats, k, l, smallest cell, leaks, the ledger.

    Example: counterflow release verify --path /tmp/001
    """
    from counterflow.display import checks_table
    from counterflow.release import verification

    settings = current()
    if path is not None:
        found = {path.name: verification.verify_folder(path)}
    else:
        numbers = [number] if number else verification.numbers(settings)
        found = {name: verification.verify(settings, name) for name in numbers}
        if not found:
            typer.echo(
                "counterflow: nothing has been released: see `counterflow release build`", err=True
            )
            raise typer.Exit(1)
    if as_json:
        told = {name: [r.to_dict() for r in results] for name, results in found.items()}
        typer.echo(json.dumps(told, indent=1))
    else:
        for name, results in found.items():
            typer.echo(f"release {name}")
            checks_table(results)
    if any(not result.passed for results in found.values() for result in results):
        raise typer.Exit(1)
