"""Verbs for what is kept and what must go: erasure, backups, files of the release before."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, current, night_of
from counterflow.settings import Settings


def erase(
    mission: Annotated[str | None, typer.Option(help="Its alpha-3 code.")] = None,
    case_number: Annotated[
        list[str] | None,
        typer.Option(
            help="The case number; `-` asks for it or reads it from standard input, so that it stands in no "
            "list of processes and in no history of a shell. Once for each part of a number of several."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Erase nothing: look at every byte for the case.")
    ] = False,
    verify: Annotated[
        str | None, typer.Option(help="Erase nothing: confirm the receipt of this id.")
    ] = None,
    only_if_found: Annotated[
        bool, typer.Option("--only-if-found", help="Refuse a number that is not here.")
    ] = False,
    night: Annotated[str | None, typer.Option(help="Of the receipt; default today (UTC).")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a person's case out of every file at once, keep it out from now on, and write a receipt.

    Example: counterflow erase --mission MDA --case-number -
    """
    from counterflow import erasure
    from counterflow.display import erasure_page, search_page, verified_page

    settings = current()
    if verify is not None:
        confirmed = erasure.verify(settings, verify)
        verified_page(confirmed, as_json)
        raise typer.Exit(0 if confirmed.holds else 1)
    if mission is None or not case_number:
        raise typer.BadParameter("name --mission and --case-number, or --verify a receipt")
    number = _number(case_number)
    if check:
        found = erasure.check(settings, mission, number)
        search_page(found, as_json)
        raise typer.Exit(1 if found.found else 0)
    receipt = erasure.erase(settings, mission, number, night_of(night), only_if_found)
    erasure_page(receipt, settings.erasures / f"{receipt.receipt}.json", as_json)


def _number(given: list[str]) -> list[str]:
    """A case number from the command line, a prompt that does not show it, or standard input. Never echoed."""
    if given != ["-"]:
        typer.echo(
            "counterflow: this number stands in the list of processes and in the shell's history; "
            "`--case-number -` asks for it instead",
            err=True,
        )
        return given
    if sys.stdin.isatty():
        return [typer.prompt("case number", hide_input=True, err=True)]
    return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]


def backup(
    folder: Annotated[Path, typer.Argument(help="On another disk, never inside the home.")],
    keep_days: Annotated[int, typer.Option(min=1, help="Remove archives that are older.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Write all that must not be lost into one encrypted file. The keys are not in it: copy them apart.

    Example: counterflow backup /mnt/backup
    """
    from counterflow.backups import backup as make

    made = make(Settings.from_env(), folder, keep_days)
    if as_json:
        typer.echo(json.dumps(made.to_dict(), indent=1))
        return
    typer.echo(
        f"{made.path}: night {made.night}, {made.files} files, under the master key {made.key_id}, without which it opens "
        "for nobody; the keys are not in it"
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that `backup` wrote to.", exists=True)],
    file: Annotated[str | None, typer.Option(help="Default: the newest archive.")] = None,
) -> None:
    """Bring a backup back into an empty home. Who was erased since then does not come back.

    Example: counterflow restore /mnt/backup
    """
    from counterflow.backups import restore as bring_back

    done = bring_back(Settings.from_env(), folder, file)
    typer.echo(
        f"restored the night of {done.backup.night} ({done.backup.files} files, written {done.backup.when}); {done.erased} "
        f"erased cases are kept out, {done.purged} files were changed for it"
    )
    typer.echo(
        "now run `counterflow verify`, then a night before analysts go on: consents that were withdrawn since then take effect with it"
    )


def migrate() -> None:
    """Bring the files of the release before to this one, once, after a backup. Killed half-way, run it again.

    Example: counterflow migrate
    """
    from counterflow.display import bar
    from counterflow.migrating import migrate as bring_over

    with bar("migrate") as progress:
        done = bring_over(Settings.from_env(), progress)
    if not done.exports:
        typer.echo("nothing to migrate: the home is of this program")
        return
    typer.echo(
        f"{done.exports} landed exports of {done.missions} missions are sealed under the master key {done.key_id}. Back up both keys "
        "now, destroy the backups of the old key with the data it opens, and run a night: it builds what analysts open anew"
    )
