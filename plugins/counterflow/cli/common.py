"""What the verbs share: the option --json, a night as it is typed, settings, and how a night's report is shown."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from counterflow.settings import Settings

if TYPE_CHECKING:
    from counterflow.reporting import Report

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def night_of(text: str | None) -> date:
    """A night as it was typed; today (UTC) if none was."""
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a night as 2010-11-25") from None


def current() -> Settings:
    """The settings, and the home as the machines that share a store have left it by now."""
    from counterflow.locks import refresh

    settings = Settings.from_env()
    for lock in (
        settings.landing_lock,
        settings.build_lock,
        settings.release_lock,
        settings.nights_lock,
    ):
        refresh(lock)
    return settings


def nothing_published() -> None:
    """End with the one line of a home in which nothing was published."""
    typer.echo("counterflow: nothing has been published yet: run `counterflow nightly`", err=True)
    raise typer.Exit(1)


def show_report(report: Report, as_json: bool) -> None:
    """A night's report, for a person or a program."""
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=1))
        return
    from counterflow.display import report_table

    report_table(report)


def published_night(settings: Settings, night: str | None) -> date:
    """The night as it was typed, else the published one; without either the verb ends."""
    from counterflow.warehouse.manifest import published_night

    found = night_of(night) if night else published_night(settings)
    if found is None:
        nothing_published()
        raise AssertionError
    return found
