"""What each page of the Missions pages shows: the warehouse and contracts in, what its template needs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from counterflow import nights
from counterflow.contracts import ContractError
from counterflow.digest import PAGES, trouble_of
from counterflow.missions import contract_of
from counterflow.pages import shelf, signals
from counterflow.pages.advising import FEW, Trouble, advice
from counterflow.pages.describing import describe
from counterflow.pages.reading import Row, Warehouse
from counterflow.pages.words import Words
from counterflow.settings import Settings
from counterflow.validation.rules import rule_book

# Status → sign and rank (worst first): a shape and a word, so that nothing is told by colour alone.
STATUSES = {
    "failed": ("!", "a fault of ours"),
    "refused": ("✕", "cannot be read, or is not plausible"),
    "missing": ("∅", "nothing was delivered"),
    "late": ("◔", "a new export was due"),
    "loaded": ("✓", "taken this night"),
    "unchanged": ("=", "the same file as before"),
}
SORTS = ("mission", "status", "score", "success")
_NIGHTS = (5, 14, 30, 60)


@dataclass(frozen=True, slots=True)
class Asked:
    """How the matrix is asked for: all of it stands in the address, so that it can be sent to somebody."""

    q: str = ""
    status: str = ""
    sort: str = "mission"
    descending: bool = False
    nights: int = 14

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """From the address; what cannot be is as if it were not there."""
        most = query.get("nights", "")
        status, sort = query.get("status", ""), query.get("sort", "")
        return cls(
            query.get("q", "").strip()[:80],
            status if status in (*STATUSES, "stale") else "",
            sort if sort in SORTS else "mission",
            query.get("order") == "desc",
            max(1, min(int(most), 366))
            if most.isascii() and most.isdecimal() and len(most) < 5
            else 14,
        )


def matrix(warehouse: Warehouse, asked: Asked) -> dict[str, Any]:
    """Missions × nights, filtered and in order."""
    shown = warehouse.nights(asked.nights)
    if not shown:
        return {"asked": asked, "nights": [], "rows": [], "counts": {}, "of": 0}
    cells: dict[str, dict[date, Row]] = {}
    for load in warehouse.loads(shown[0], shown[-1]):
        cells.setdefault(load["mission_code"], {})[load["night"]] = load
    missions = warehouse.missions()
    rows = [
        {**mission, "cells": cells.get(code, {}), "last": cells.get(code, {}).get(shown[-1])}
        for code, mission in missions.items()
    ]
    counts: dict[str, int] = {}
    for row in rows:
        if row["last"]:
            counts[row["last"]["status"]] = counts.get(row["last"]["status"], 0) + 1
            counts["stale"] = counts.get("stale", 0) + bool(row["last"]["is_stale"])
    kept = [row for row in rows if _fits(row, asked)]
    kept.sort(key=lambda row: _order(row, asked.sort), reverse=asked.descending)
    return {
        "asked": asked,
        "nights": shown,
        "rows": kept,
        "counts": counts,
        "of": len(rows),
        "choices": _NIGHTS,
    }


def _fits(row: Row, asked: Asked) -> bool:
    text = (
        f"{row['mission_code']} {row['mission_name']} {row['region']} {row['steward']}".casefold()
    )
    last = row["last"] or {}
    fits = asked.status in ("", last.get("status")) or (
        asked.status == "stale" and last.get("is_stale")
    )
    return bool(fits) and all(word in text for word in asked.q.casefold().split())


def _order(row: Row, sort: str) -> tuple[Any, ...]:
    last = row["last"] or {}
    by = {
        "mission": 0,
        "status": list(STATUSES).index(last["status"]) if last.get("status") in STATUSES else 99,
        "score": row["score"] if row["score"] is not None else -1.0,
        "success": -(
            last["days_since_success"] if last.get("days_since_success") is not None else 10**6
        ),
    }
    return (by[sort], row["mission_name"])


def mission(
    settings: Settings, warehouse: Warehouse, code: str, words: Words, analyses: bool
) -> dict[str, Any] | None:
    """All that is known of one mission; None if there is none of this code."""
    found = warehouse.missions().get(code)
    if found is None:
        return None
    history = warehouse.history(code)
    newest = history[-1] if history else None
    night = newest["night"] if newest else None
    rules = warehouse.failed_rules(night, code) if night else []
    issues = warehouse.issues(night, code) if night else []
    coverage = warehouse.coverage(code)
    try:
        contract, problem = contract_of(settings, code), ""
    except (ContractError, OSError, ValueError) as error:
        contract, problem = (
            None,
            str(error)
            if isinstance(error, ContractError)
            else "There is no contract of this name here.",
        )
    sound = _sound(history)
    trouble = Trouble(
        newest or {"status": "", "rows_read": 0},
        warehouse.failed_rules(sound, code) if sound and sound != night else rules,
        issues,
        coverage,
        contract,
    )
    last = newest or {}
    wrong = trouble_of(last.get("status") or "", last.get("message") or "")
    return {
        "mission": found,
        "history": history,
        "floor": _floor(history),
        "last": newest,
        "success": next(
            (row["night"] for row in reversed(history) if row["status"] in ("loaded", "unchanged")),
            None,
        ),
        "withheld": [
            (name.removeprefix("withheld_").replace("_", " "), rows)
            for name, rows in last.items()
            if name.startswith("withheld_") and rows
        ],
        "rules": _explained(settings, rules),
        "signals": _grouped(issues, analyses),
        "coverage": [row for row in coverage if row["cases"] >= FEW],
        "few": FEW if coverage and max(row["cases"] for row in coverage) < FEW else 0,
        "comparability": warehouse.comparability(code),
        "contract": describe(contract) if contract is not None else None,
        "problem": problem,
        "todo": [words.advice(one) for one in advice(trouble)[:6]],
        "page": PAGES.get(wrong, ""),
        "run": run_of(settings, night),
        "steward": shelf.find(settings, "stewards", f"{code}.html") is not None,
    }


def _sound(history: Sequence[Row]) -> date | None:
    """The newest night whose rules are of the export in force, and not of one that was refused."""
    return next(
        (row["night"] for row in reversed(history) if row["status"] not in ("refused", "failed")),
        None,
    )


def _floor(history: Sequence[Row]) -> float:
    """Where the trend's axis begins: below all that is shown, and never so high that a small fall looks like a large one."""
    seen = [
        row[name] for row in history for name in ("validity", "conformity") if row[name] is not None
    ]
    return max(0.0, min(0.8, int(min(seen, default=0.0) * 10 - 1) / 10))


def night(
    settings: Settings, warehouse: Warehouse, asked: date, analyses: bool
) -> dict[str, Any] | None:
    """All that is known of one night; None if it is in no table."""
    loads = warehouse.loads(asked, asked)
    if not loads:
        return None
    every = warehouse.nights(10**6)
    at = every.index(asked)
    names = warehouse.missions()
    book = nights.journal(settings, asked)
    ranked = sorted(
        loads, key=lambda row: (list(STATUSES).index(row["status"]), row["mission_code"])
    )
    counts: dict[str, int] = {}
    for row in loads:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    total = {
        name: sum(row[f"rows_{name}"] for row in loads)
        for name in ("read", "accepted", "quarantined", "withheld", "blank")
    }
    by_rule: dict[str, list[Row]] = {}
    for row in _explained(settings, warehouse.failed_rules(asked)):
        by_rule.setdefault(row["rule_id"], []).append(row)
    return {
        "night": asked,
        "before": every[at - 1] if at else None,
        "after": every[at + 1] if at + 1 < len(every) else None,
        "newest": every[-1],
        "loads": ranked,
        "names": names,
        "counts": counts,
        "total": total,
        "rules": sorted(
            by_rule.items(), key=lambda item: -sum(row["rows_failed"] or 0 for row in item[1])
        ),
        "signals": _grouped(warehouse.issues(asked), analyses),
        "steps": [
            (name, said["state"], said["seconds"], said["ended"])
            for name, said in book.steps.items()
        ],
        "stopped": book.stopped,
        "run": run_of(settings, asked),
        "pages": PAGES,
        "trouble_of": trouble_of,
    }


def run_of(settings: Settings, night: date | None) -> str:
    """The id of the run of Airflow that loaded a night, where it was one."""
    return nights.journal(settings, night).run if night is not None else ""


def _explained(settings: Settings, rules: Sequence[Row]) -> list[Row]:
    try:
        book = rule_book(settings.expectations)
    except (OSError, ValueError):
        book = {}
    return [
        {
            **row,
            "reason": book[row["rule_id"]].reason if row["rule_id"] in book else "",
            "cure": book[row["rule_id"]].cure if row["rule_id"] in book else "",
        }
        for row in rules
    ]


def _grouped(
    issues: Sequence[Row], analyses: bool
) -> dict[str, list[tuple[signals.Kind, list[Row]]]]:
    """Signals by section and kind, in the order of KINDS; of what no row holds only for who may see small counts."""
    issues = [one for one in issues if analyses or one["kind"] not in signals.TELL_OF_FEW]
    kinds: dict[str, list[Row]] = {}
    for issue in issues:
        kinds.setdefault(issue["kind"], []).append(issue)
    order = list(signals.KINDS)
    ranked = sorted(kinds, key=lambda name: (order.index(name) if name in order else 99, name))
    found: dict[str, list[tuple[signals.Kind, list[Row]]]] = {}
    for group in signals.GROUPS:
        found[group] = [
            (signals.kind(name), kinds[name])
            for name in ranked
            if signals.kind(name).group == group
        ]
    return found
