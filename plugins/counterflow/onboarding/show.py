"""What onboarding found, for a terminal and for programs; the same facts in both.

In: an `Onboarding`. Out: tables and sentences, or plain data for `--json`. Values come from
`Profile.shown` alone: what fewer than five cases hold, or what may be personal, is never here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from counterflow.onboarding.draft import sections
from counterflow.onboarding.dryrun import DryRun
from counterflow.onboarding.propose import Choice, TablePlan

if TYPE_CHECKING:
    from counterflow.onboarding import Onboarding

_VALUES = 6  # values that a line of the table shows
_TITLES = {
    "consent": "Consent",
    "column": "Columns",
    "codes": "Codes",
    "dates": "Dates",
    "form": "The form",
    "file": "The file",
    "mission": "The mission",
}


def as_dict(found: Onboarding) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "mission": found.mission,
        "night": str(found.night),
        "file": _file(found),
        "tables": [_table(plan) for plan in found.plans],
        "dialects": [match.to_dict() for match in found.matches[:5]],
        "extends": found.draft.extends,
        "decisions": [decision.to_dict() for decision in found.draft.decisions],
        "dry_run": found.as_drafted.to_dict(),
        "dry_run_if_consent_is_decided": (
            found.if_consented.to_dict() if found.if_consented is not None else None
        ),
        "draft": found.draft.text,
    }


def _file(found: Onboarding) -> dict[str, Any]:
    sample = found.sample
    return {
        "format": sample.format,
        "archive": sample.archive,
        "delimiter": sample.delimiter,
        "encodings": [
            {"encoding": g.encoding, "confidence": g.confidence, "reason": g.reason}
            for g in sample.encodings[:4]
        ],
    }


def _table(plan: TablePlan) -> dict[str, Any]:
    source = plan.source
    return {
        "place": source.place,
        "rows": source.rows,
        "header": {"label": source.label_row, "technical": source.technical_row},
        "notes": source.notes,
        "table": plan.canonical,
        "reason": plan.reason,
        "columns": [_column(choice) for choice in plan.choices],
    }


def _column(choice: Choice) -> dict[str, Any]:
    found = choice.profile
    return {
        "column": choice.name,
        "filled": found.filled,
        "distinct": found.distinct,
        "shape": found.kind,
        "detail": found.detail,
        "values": [{"value": v, "cases": n} for v, n in found.shown],
        "values_not_shown": found.unshown[0],
        "proposal": str(choice.role) if choice.role is not None else None,
        "confidence": round(choice.confidence, 2),
        "reason": choice.reason,
        "alternatives": choice.alternatives,
    }


def page(found: Onboarding, console: Console) -> None:
    """Print everything but the draft itself."""
    console.print(f"{found.mission}: a sample, read as of the night of {found.night}", style="bold")
    for line in _file_lines(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for match in found.matches[:3]:
        word = "fits" if match.fits else "does not fit"
        console.print(
            f"dialect {match.dialect} {word}: it explains {match.explained} of {match.columns} columns, "
            f"lacks {len(match.absent)} of its own, reads {match.read:.1%} of the cells",
            highlight=False,
        )
    for plan in found.plans:
        console.print(_plan_table(plan))
    console.print(_decisions(found))
    console.print(_dry(found.as_drafted, "Dry run of the draft as it is", decided=False))
    if found.if_consented is not None:
        words = ", ".join(found.draft.consent_yes)
        console.print(
            _dry(found.if_consented, f"Dry run if consent were decided as proposed (yes: {words})")
        )


def _file_lines(found: Onboarding) -> list[str]:
    sample = found.sample
    packed = f" in a {sample.archive}" if sample.archive else ""
    parted = f", cells parted by {sample.delimiter!r}" if sample.delimiter else ""
    lines = [f"format: {sample.format}{packed}{parted}; {len(sample.tables)} tables"]
    for number, guess in enumerate(sample.encodings[:3]):
        word = "encoding" if not number else "  or else"
        lines.append(f"{word}: {guess.encoding} ({guess.confidence:.0%}): {guess.reason}")
    return lines


def _plan_table(plan: TablePlan) -> RenderableType:
    source = plan.source
    rows = f"{source.rows:,} rows, names in row {source.label_row}"
    rows += f", technical names in row {source.technical_row}" if source.technical_row else ""
    what = f"holds {plan.canonical}" if plan.canonical else f"is not read: {plan.reason}"
    title = f"{source.place or 'the file'} {what} ({rows})"
    if not plan.choices:
        return Text(title, style="bold")
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for name, side in (
        ("column", "left"),
        ("filled", "right"),
        ("distinct", "right"),
        ("shape", "left"),
        ("shown values", "left"),
        ("proposal", "left"),
        ("sure", "right"),
        ("reason", "left"),
    ):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]  # rich's Literal
    for choice in plan.choices:
        found = choice.profile
        proposal = str(choice.role) if choice.role is not None else "decide"
        table.add_row(
            escape(choice.name),
            f"{found.share:.0%}",
            f"{found.distinct:,}",
            escape(_shape(choice)),
            escape(_values(choice)),
            escape(proposal),
            f"{choice.confidence:.0%}" if choice.role is not None else "",
            escape(choice.reason or "; ".join(choice.alternatives[:1])),
            style="yellow"
            if choice.role is None
            else "dim"
            if proposal in ("personal", "notes")
            else "",
        )
    return table


def _shape(choice: Choice) -> str:
    found = choice.profile
    if choice.role is not None and choice.role.kind == "key":
        return "key"
    plain = found.kind == "personal" or not found.detail
    return found.kind if plain else f"{found.kind}: {found.detail}"


def _values(choice: Choice) -> str:
    found = choice.profile
    shown = [f"{value} {count}" for value, count in found.shown[:_VALUES]]
    more = found.distinct if not found.shown else len(found.shown) - len(shown) + found.unshown[0]
    if found.kind not in ("codes", "list", "constant"):
        return ""
    return ", ".join(shown) + (f", and {more} more" if shown and more > 0 else "")


def _decisions(found: Onboarding) -> RenderableType:
    lines: list[RenderableType] = [Text("To be decided by a person", style="bold")]
    number = 0
    for topic, listed in sections(found.draft.decisions):
        lines.append(Text(_TITLES[topic], style="cyan"))
        for decision in listed:
            number += 1
            proposal = f" [{decision.proposal}]" if decision.proposal else ""
            lines.append(Text(f"  {number}. {decision.where}: {decision.question}{proposal}"))
    return Group(*lines)


def _dry(run: DryRun, title: str, decided: bool = True) -> RenderableType:
    lines: list[RenderableType] = [Text(title, style="bold")]
    for problem in run.problems:
        lines.append(Text(f"  {problem}", style="red"))
    if run.message and (decided or not run.rows_read):
        lines.append(Text(f"  {run.status}: {run.message}", style="red"))
    if run.rows_read:
        withheld = ", ".join(f"{n:,} {why}" for why, n in sorted(run.withheld.items()))
        lines.append(
            Text(
                f"  {run.rows_read:,} rows read: {run.rows_accepted:,} accepted, {run.rows_quarantined:,} quarantined, "
                f"{run.rows_withheld:,} withheld{f' ({withheld})' if withheld else ''}, {run.rows_blank:,} blank"
            )
        )
    if not decided and run.rows_read:
        lines.append(Text("  Nothing is judged before consent is decided."))
        return Group(*lines)
    for rule, severity, failed, checked in run.failing[:15]:
        word = "quarantines" if severity == "critical" else "warns of"
        lines.append(Text(f"  {rule} {word} {failed:,} of {checked:,} rows"))
    for kind, table, one, detail, rows in run.signals[:12]:
        place = f"{table}.{one}" if one else table
        lines.append(Text(f"  {kind} {place}: {detail} ({rows:,} rows)"))
    return Group(*lines)
