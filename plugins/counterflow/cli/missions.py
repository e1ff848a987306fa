"""Verbs for a mission's contract: check it, draft it from a sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, night_of
from counterflow.settings import Settings

app = typer.Typer(help="The missions' contracts.", no_args_is_help=True)


@app.command("check")
def contracts_check(as_json: AsJson = False) -> None:
    """Check every contract; errors name file, line, key and the nearest valid key.

    Of keys that contracts name for exports it says which are missing, unusable, or expire within 30 days.

    Example: counterflow contracts check
    """
    from rich.console import Console

    from counterflow.contracts.check import check_folder, render

    settings = Settings.from_env()
    report = check_folder(settings.missions)
    if as_json:
        typer.echo(json.dumps(report.as_rows(), indent=1))
        raise typer.Exit(1 if report.errors else 0)
    Console().print(render(report))
    locked = [c for c in report.contracts.values() if c.source.encryption or c.source.signature]
    if locked:
        from counterflow.display import export_keys_table
        from counterflow.export_keys import needed

        today = night_of(None)
        export_keys_table([one for c in locked for one in needed(settings, c, today)])
    if report.errors:
        raise typer.Exit(1)


@app.command("schema")
def contracts_schema() -> None:
    """Print the contracts' JSON Schema, with which editors complete and check them.

    Example: counterflow contracts schema > contracts/contract.schema.json
    """
    from counterflow.contracts.schema import text

    typer.echo(text(), nl=False)


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there.")],
) -> None:
    """Begin an agency's own repository of contracts: an example, settings, a check for CI, a schema for editors.

    Example: counterflow init our-contracts
    """
    from counterflow.beginning import begin

    for file in begin(folder):
        typer.echo(file)
    typer.echo(f"now: cd {folder} && git init && make check", err=True)


def onboard(
    sample: Annotated[
        Path, typer.Argument(help="One export of the mission.", exists=True, dir_okay=False)
    ],
    mission: Annotated[str, typer.Option(help="Its ISO 3166 alpha-3 code.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the draft goes; default XXX.yml in this folder.")
    ] = None,
    night: Annotated[
        str | None, typer.Option(help="Default: the date in the file's name, else today (UTC).")
    ] = None,
    dialects: Annotated[bool, typer.Option(help="Look for a dialect that fits.")] = True,
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Profile a sample, draft its contract, list what a person must decide, and try the draft.

    Example: counterflow onboard cases_20101125.zip --mission LTU
    """
    from counterflow.onboarding import onboard as look

    target = out or Path(f"{mission}.yml")
    if target.exists() and not force:
        raise ValueError(f"{target} is there already: name another with --out, or use --force")
    told = night_of(night) if night else None
    found = look(sample, mission, Settings.from_env(), night_of(None), told, dialects)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(found.draft.text, "utf-8")
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    from counterflow.display import onboarding_page

    onboarding_page(found)
    typer.echo(
        f"draft in {target}: decide, then move it to {Settings.from_env().missions / mission}.yml "
        "and run `counterflow contracts check`"
    )
