"""Verbs that bring data in: synthetic exports, a night, an export handed over, a publication."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, current, night_of, show_report
from counterflow.settings import Settings


def generate(
    out: Annotated[Path | None, typer.Option(help="Where exports/ and truth/ go.")] = None,
    missions: Annotated[int, typer.Option(min=1, max=72)] = 72,
    cases: Annotated[int, typer.Option(min=1)] = 16_000,
    seed: int = 7,
    nights: Annotated[int, typer.Option(min=1)] = 1,
    first_night: Annotated[str, typer.Option(help="The date of the first night.")] = "2010-11-25",
    shuffle: Annotated[
        int | None, typer.Option(help="A seed: columns, rows, missions in another order.")
    ] = None,
) -> None:
    """Make synthetic missions' exports, and the truth about them in a separate folder.

    Example: counterflow generate --out var --missions 6 --cases 500 --nights 3
    """
    from counterflow.display import bar
    from counterflow.synthetic import generate as make

    target = out or Settings.from_env().home
    with bar("generate") as progress:

        def told(_mission: str, at: int, of: int) -> None:
            progress("generate", at, of)

        summary = make(target, missions, cases, seed, nights, night_of(first_night), told, shuffle)
    typer.echo(
        f"{summary.cases:,} cases of {summary.missions} missions in {summary.seconds:.1f} s; nights "
        + ", ".join(map(str, summary.nights))
    )
    typer.echo(f"exports in {target / 'exports'}, truth in {target / 'truth'}")


def nightly(
    night: Annotated[
        str | None, typer.Option(help="The date to load; default today (UTC).")
    ] = None,
    mission: Annotated[
        list[str] | None, typer.Option(help="Only this mission; may be repeated.")
    ] = None,
    exports: Annotated[Path | None, typer.Option(help="The folder of the exports.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="Read even what has not changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load one night in this process: the functions of the DAG, one after the other.

    Example: counterflow nightly --night 2010-11-25 --exports var/exports
    """
    from counterflow.local import run_night

    settings = Settings.from_env(exports)
    if settings.log_json:
        from counterflow.observing import log_as_json

        log_as_json()
    report = run_night(settings, night_of(night), mission or None, full_refresh, quiet=as_json)
    show_report(report, as_json)
    if not report.is_published:
        raise typer.Exit(1)


def drop(
    file: Annotated[
        Path,
        typer.Argument(
            help="The export, as the mission handed it over.", exists=True, dir_okay=False
        ),
    ],
    mission: Annotated[str, typer.Option(help="Its ISO 3166 alpha-3 code.")],
    night: Annotated[
        str | None, typer.Option(help="The date that the file is of, if its name does not say it.")
    ] = None,
) -> None:
    """Take in an export by hand, while the mission's link is down: sealed, for the night of its date.

    Example: counterflow drop cases_20101125.zip --mission MDA
    """
    from counterflow import contracts, dropping
    from counterflow.missions import contract_of

    settings = Settings.from_env()
    if mission not in {path.stem for path in contracts.contract_files(settings.missions)}:
        raise ValueError(f"no contract for {mission} in {settings.missions}")
    contract = contract_of(settings, mission)
    told = dropping.drop(settings, contract, file, night_of(night) if night else None)
    typer.echo(
        f"{mission}: {told.size:,} bytes sealed as its export of {told.night}"
        + (" (in place of one dropped before)" if told.replaced else "")
    )
    typer.echo(
        f"The night of {told.night}, or one after it, takes it unless the server holds a newer one, and removes it "
        f"when it is landed: counterflow nightly --night {told.night} --mission {mission}"
    )
    typer.echo("Your own copy of the file is still where it was: remove it.")


def publish(
    night: Annotated[str | None, typer.Option(help="Default: the night that was built.")] = None,
) -> None:
    """Run the gates on the build and publish it.

    Example: counterflow publish --night 2010-11-25
    """
    from counterflow import nightly as steps
    from counterflow.warehouse.manifest import MANIFEST, built_night, read_manifest

    settings = current()
    built = night_of(night) if night else built_night(settings)
    if built is None:
        typer.echo("counterflow: there is no build to publish: run `counterflow nightly`", err=True)
        raise typer.Exit(1)
    made, published = (read_manifest(f / MANIFEST) for f in (settings.build, settings.warehouse))
    if made and published and made.night == built and made.build_id == published.build_id:
        typer.echo(f"the night of {built} is published already")
        return
    steps.gates(settings, built)
    publication = steps.publish(settings, built)
    typer.echo(f"published {publication.path} ({built}); {len(publication.changed)} tables changed")
