"""Verbs for the rows that a rule set aside."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, current, published_night, show_report

app = typer.Typer(help="Rows that a rule set aside, and why.", no_args_is_help=True)


@app.command("list")
def quarantine_list(
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """How many rows of each mission fail which rule.

    Example: counterflow quarantine list --json
    """
    from counterflow.display import rows_table
    from counterflow.quarantine import failing

    settings = current()
    found = list(failing(settings, published_night(settings, night)))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    rows_table(
        ("mission", "rule", "source", "rows"),
        [(one.mission, one.rule_id, one.source, one.rows) for one in found],
    )


@app.command("show")
def quarantine_show(
    mission: Annotated[str, typer.Argument(help="Its alpha-3 code.")],
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """Where a mission's quarantined rows stand in its export, why, and what to do.

    Example: counterflow quarantine show MDA
    """
    from counterflow.display import quarantine_page
    from counterflow.quarantine import failing
    from counterflow.validation import rule_book

    settings = current()
    found = list(failing(settings, published_night(settings, night), mission))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    quarantine_page(mission, found, rule_book(settings.expectations))


@app.command("replay")
def quarantine_replay(
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge again what is landed, under today's contracts and rules, and publish; nothing is pulled.

    Example: counterflow quarantine replay --night 2010-11-25
    """
    from counterflow.local import replay_night

    settings = current()
    report = replay_night(settings, published_night(settings, night), quiet=as_json)
    show_report(report, as_json)
    if not report.is_published:
        raise typer.Exit(1)
