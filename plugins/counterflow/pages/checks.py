"""Data docs: every rule of Great Expectations' suites with what it found in the published night. One page a table.

In: the suites of `expectations/` and `quality.rule_result`. Out: plain HTML without a script, which a browser also opens from
the disk. Great Expectations' own site is not used: it loads its scripts from six other servers, and knows only the
batches of one night, while most verdicts of a night were given on an earlier one (docs/adr/0043).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from counterflow.pages import rendering
from counterflow.pages.reading import Row, opened
from counterflow.settings import Settings
from counterflow.validation.rules import Expectation, load_suites

_NIGHTS = 14


def build(settings: Settings, folder: Path) -> None:
    """Write `index.html`, a page a table, and the style they share."""
    suites = load_suites(settings.expectations)
    with opened(settings) as warehouse:
        night = warehouse.nights(1)[-1]
        results = {row["rule_id"]: row for row in warehouse.rules(night)}
        failing: dict[str, list[Row]] = {}
        for row in warehouse.failed_rules(night):
            failing.setdefault(row["rule_id"], []).append(row)
        nights = warehouse.nights(_NIGHTS)
        over = warehouse.rows(
            "select rule_id, night, sum(rows_failed)::bigint as rows from quality.rule_result "
            "where night >= ? group by all order by all",
            nights[0],
        )
    trend: dict[str, list[tuple[Any, int]]] = {}
    for row in over:
        trend.setdefault(row["rule_id"], []).append((row["night"], row["rows"] or 0))
    shared = {
        "night": night,
        "results": results,
        "failing": failing,
        "trend": trend,
        "tables": list(suites),
    }
    shutil.copy(rendering.HERE / "static" / "pages.css", folder / "pages.css")
    for name, suite in suites.items():
        rules = [(one, _said(one)) for one in suite.expectations]
        _write(folder / f"{name}.html", "checks_table.html", **shared, name=name, rules=rules)
    counted = {
        name: {
            "rules": len(suite.rules),
            "failed": sum(1 for rule in suite.rules if (results.get(rule) or {}).get("failed")),
            "error": sum(1 for rule in suite.rules if (results.get(rule) or {}).get("error")),
            "rows": sum((results.get(rule) or {}).get("rows_failed") or 0 for rule in suite.rules),
        }
        for name, suite in suites.items()
    }
    _write(folder / "index.html", "checks.html", **shared, counted=counted)


def _write(path: Path, template: str, **values: Any) -> None:
    path.write_text(rendering.render(template, **values), "utf-8")


def _said(one: Expectation) -> str:
    """An expectation in one line: what it expects, of which columns, within which bounds."""
    bounds = ", ".join(
        f"{name}: {value}" for name, value in one.kwargs.items() if name not in ("row_condition",)
    )
    return f"{one.type.removeprefix('expect_').replace('_', ' ')} ({bounds})"
