"""How the command line shows things: tables and progress with rich, plain when piped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_STYLES = {
    "loaded": "green",
    "unchanged": "dim",
    "late": "yellow",
    "missing": "yellow",
    "refused": "red",
    "failed": "bold red",
}


def _console() -> Console:
    """Standard output; wide where no terminal says how wide it is, so that nothing is cut off."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not Console(stderr=True).is_terminal,
    )


@contextmanager
def steps(quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar per step of a night; without a terminal, one line when a step is complete."""
    console = Console(stderr=True)
    if quiet:
        yield lambda *_: None
        return
    if not console.is_terminal:
        yield lambda step, at, of: console.print(f"{step}: {at} of {of}") if at == of else None
        return
    with _progress() as progress:
        tasks: dict[str, Any] = {}

        def told(step: str, at: int, of: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=of)
            progress.update(tasks[step], completed=at, total=of)

        yield told


@contextmanager
def bar(_title: str) -> Iterator[Callable[[str, int, int], None]]:
    """The same for one long task."""
    with steps() as told:
        yield told


def report_table(report: Any) -> None:
    """The report of a night: a row a mission, then what needs somebody."""
    console = _console()
    table = Table(title=f"Night {report.night}", title_justify="left")
    for name, justify in (
        ("mission", "left"),
        ("status", "left"),
        ("read", "right"),
        ("accepted", "right"),
        ("quarantined", "right"),
        ("withheld", "right"),
        ("blank", "right"),
        ("stale", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # rich's Literal
    for line in report.lines:
        table.add_row(
            line.mission,
            f"[{_STYLES.get(line.status, '')}]{line.status}[/]"
            if line.status in _STYLES
            else line.status,
            *(f"{n:,}" for n in (line.rows_read, line.rows_accepted, line.rows_quarantined)),
            *(f"{n:,}" for n in (line.rows_withheld, line.rows_blank)),
            "stale" if line.is_stale else "",
        )
    console.print(table)
    console.print(report.text, markup=False, highlight=False, soft_wrap=True)


_VERDICTS = {"good": "bold green", "look": "bold yellow", "bad": "bold red"}
_LONGEST = 12  # missions with work that are shown whole: one screen


def standing_page(found: Any) -> None:
    """How things stand: the verdict, what to do, then the facts. Nothing in it is cut off."""
    console = _console()

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)

    night = found.report
    state = "published" if night.published == night.night else "NOT published"
    work = f"{len(found.reasons)} to look at" if found.reasons else "nothing to do"
    say(f"{found.verdict.upper()}: night {night.night} {state}, {work}", _VERDICTS[found.verdict])
    for one in found.reasons[:_LONGEST]:
        say(f"  {one.text}", "red" if one.verdict == "bad" else "")
        say(f"    docs/runbooks/{one.page}.md", "dim")
    if (more := len(found.reasons) - _LONGEST) > 0:
        say(f"  and {more} more: counterflow status --night {night.night}")
    say("")
    for status, count in night.statuses.items():
        codes = " ".join(line.mission for line in night.lines if line.status == status)
        say(f"{status:<10} {count:>3}  {codes}")
    stale = {line.mission: line.days_since_success for line in night.lines if line.is_stale}
    if stale:
        said = ", ".join(f"{m} {'?' if d is None else d} days" for m, d in sorted(stale.items()))
        say(f"since the last success: {said}")
    say("")
    for name, text in found.facts:
        say(f"{name:<10} {text}")


def score_table(found: Sequence[Any]) -> None:
    """What was compared and how much of it agrees."""
    table = Table(title="Warehouse against truth", title_justify="left")
    for name in ("table", "field", "compared", "equal", "share"):
        table.add_column(name, justify="left" if name in ("table", "field") else "right")
    for c in found:
        style = "" if c.equal == c.compared else "red"
        table.add_row(
            c.table, c.field, f"{c.compared:,}", f"{c.equal:,}", f"{c.share:.2%}", style=style
        )
    total, equal = sum(c.compared for c in found), sum(c.equal for c in found)
    console = _console()
    console.print(table)
    console.print(f"{equal:,} of {total:,} compared values agree ({equal / max(total, 1):.4%})")


def checks_table(results: Sequence[Any]) -> None:
    """Gates or checks: passed or not, and what was found."""
    table = Table()
    for name in ("check", "result", "detail"):
        table.add_column(name)
    for result in results:
        table.add_row(
            result.gate, "passed" if result.passed else "[red]failed[/]", escape(result.detail)
        )
    _console().print(table)


def release_page(built: Any) -> None:
    """A candidate for a release: its counts and its gates."""
    console = _console()
    table = Table(title=f"Candidate {built.number}, night {built.night}", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in built.counts.items():
        table.add_row(name, f"{value:,}")
    console.print(table)
    checks_table(built.gates)


def quarantine_page(mission: str, found: Sequence[Any], rules: Mapping[str, Any]) -> None:
    """A mission's failing rules: places of the rows, the reason and the cure of each."""
    console = _console()
    if not found:
        console.print(f"{mission}: nothing is quarantined")
    for one in found:
        places = ", ".join(map(str, one.places)) + (" …" if one.rows > len(one.places) else "")
        rule = rules[one.rule_id]
        console.print(f"{mission} {one.rule_id}: {one.rows} rows of `{one.source}`", style="bold")
        for line in (f"rows {places}", rule.reason, rule.cure):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def rows_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The rows of a query."""
    table = Table()
    numeric = [
        all(isinstance(r[i], int | float) or r[i] is None for r in rows) for i in range(len(names))
    ]
    for name, number in zip(names, numeric, strict=True):
        table.add_column(name, justify="right" if number and rows else "left")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    _console().print(table)


def onboarding_page(found: Any) -> None:
    """What a sample told: its file, columns, decisions, dry runs."""
    from counterflow.onboarding.show import page

    page(found, _console())


def erasure_page(receipt: Any, path: Path, as_json: bool) -> None:
    """What an erasure removed, file by file, and where its receipt is."""
    if as_json:
        print(json.dumps(receipt.to_dict(), indent=1))
        return
    console = _console()
    rows = [
        (one.file, ", ".join(f"{n} {table}" for table, n in one.rows.items()) or "file removed")
        for one in receipt.removed
    ]
    if receipt.records:
        rows_table(("file", "rows removed"), rows)
        said = f"{receipt.mission_code}: {receipt.records} records of one person erased"
    else:
        said = (
            f"{receipt.mission_code}: nothing was found of this number; it stays out all the same, "
            "should the mission send it"
        )
    console.print(f"{said}. Receipt {path}", markup=False, highlight=False, soft_wrap=True)
    for folder in receipt.untold:
        console.print(
            f"The backups in {folder} do not know of it: mount that folder and run `counterflow backup {folder}` "
            "before anything is restored from it",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        "Tables that count cases (analysis, quality) are counted anew by the next night. Confirm with "
        f"`counterflow erase --verify {receipt.receipt}`",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def search_page(found: Any, as_json: bool) -> None:
    """Where a search of every byte found a case."""
    if as_json:
        places = [{"file": one.file, "how": one.how} for one in found.found]
        print(json.dumps({"files": found.files, "bytes": found.bytes, "found": places}, indent=1))
        return
    if found.found:
        rows_table(("file", "what holds it"), [(one.file, one.how) for one in found.found])
    said = f"in {len(found.found)} places" if found.found else "nowhere"
    text = f"{found.files:,} files, {found.bytes:,} bytes looked at: the case is {said}"
    _console().print(text, markup=False, highlight=False, soft_wrap=True)


def verified_page(confirmed: Any, as_json: bool) -> None:
    """Whether a receipt still holds."""
    receipt = confirmed.receipt
    if as_json:
        said = {
            "receipt": receipt.receipt,
            "holds": confirmed.holds,
            "status": receipt.status,
            "unchanged": confirmed.unchanged,
            "rewritten": confirmed.rewritten,
            "restored": list(confirmed.restored),
            "found": [{"file": one.file, "how": one.how} for one in confirmed.search.found],
        }
        print(json.dumps(said, indent=1))
        return
    search_page(confirmed.search, as_json=False)
    lines = [
        f"{receipt.receipt} of {receipt.night}, {receipt.mission_code}, {receipt.status}: "
        f"{confirmed.unchanged} files as the erasure left them, {confirmed.rewritten} written anew since",
        *(f"{file} is as it was before the erasure" for file in confirmed.restored),
        "the receipt holds" if confirmed.holds else "the receipt does not hold: erase again",
    ]
    if not confirmed.cases:
        lines.append(
            "no case is remembered under it any more: erased.parquet was replaced or restored"
        )
    for line in lines:
        _console().print(line, markup=False, highlight=False, soft_wrap=True)


def export_keys_table(found: Sequence[Any]) -> None:
    """The keys that contracts name for exports, and whether they could be used today."""
    table = Table(title="Keys of exports")
    for name in ("mission", "use", "key", "state", "what it is"):
        table.add_column(name)
    for one in found:
        style = {"usable": "green", "expiring": "yellow"}.get(one.state, "red")
        cells = (one.mission, one.use, one.name, one.state, one.detail)
        table.add_row(*map(escape, cells), style=style)
    _console().print(table)


def findings_page(found: Sequence[Any]) -> None:
    """What `counterflow doctor` found: a line a check, and below it why it matters and how to mend it."""
    console = _console()
    styles = {"ok": "green", "look": "yellow", "broken": "bold red"}
    for one in found:
        console.print(
            f"[{styles[one.state]}]{one.state:<6}[/] {one.check:<11} {escape(one.what)}",
            soft_wrap=True,
        )
        for said in (one.why, f"→ {one.mend}" if one.mend else ""):
            if said:
                console.print(" " * 19 + escape(said), soft_wrap=True)
