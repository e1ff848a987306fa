"""Verbs that look at what is published: how things stand, whether it is whole and true, and queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from counterflow.cli.common import AsJson, current, night_of, nothing_published, show_report


def status(
    night: Annotated[
        str | None,
        typer.Option(help="What that night did to each mission; default: how things stand."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="For monitoring: exit 1 if somebody must act now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Whether last night was good, and what to do if not.

    Example: counterflow status --check
    """
    settings = current()
    if night is not None:
        from counterflow import nightly as steps

        show_report(steps.report(settings, night_of(night)), as_json)
        return
    from counterflow.standing import BAD, standing

    found = standing(settings)
    if found is None:
        nothing_published()
        return
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1))
    else:
        from counterflow.display import standing_page

        standing_page(found)
    if found.report.published is None or (check and found.verdict == BAD):
        raise typer.Exit(1)


def verify(as_json: AsJson = False) -> None:
    """Check that the published warehouse is whole and passes the gates that need only itself.

    Example: counterflow verify --json
    """
    from counterflow.display import checks_table
    from counterflow.warehouse.verification import verify as check

    results = check(current())
    if as_json:
        typer.echo(json.dumps([r.to_dict() for r in results], indent=1))
    else:
        checks_table(results)
    if any(not result.passed for result in results):
        raise typer.Exit(1)


def score(
    truth: Annotated[Path, typer.Option(help="The folder `generate` wrote the truth to.")],
    as_json: AsJson = False,
) -> None:
    """Compare the warehouse with the truth of the synthetic missions, table by table.

    Example: counterflow score --truth var/truth
    """
    from counterflow.display import score_table
    from counterflow.score import score as compare

    found = compare(current(), truth)
    if as_json:
        rows = [
            {"table": c.table, "field": c.field, "compared": c.compared, "equal": c.equal}
            for c in found
        ]
        typer.echo(json.dumps(rows, indent=1))
    else:
        score_table(found)
    if any(c.equal != c.compared for c in found):
        raise typer.Exit(1)


def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without it, a prompt.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Our own prompt, also where Harlequin is installed.")
    ] = False,
) -> None:
    """Query the published warehouse, read-only; without a query, at a prompt (Harlequin, if it is installed).

    Example: counterflow sql "select count(*) from core.fct_case"
    """
    from counterflow.shell import run

    if as_json and as_csv:
        raise typer.BadParameter("--json or --csv, not both")
    form = "json" if as_json else "csv" if as_csv else "table"
    run(current(), query, form, plain)
