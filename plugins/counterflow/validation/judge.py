"""Parts of a table and its suite in, what each rule says of each mission out.

A mission that makes a frame crash, or a critical rule fail to run, must not cost the others their
verdict: the frame is then halved until the culprit is alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from counterflow.validation import gx
from counterflow.validation.errors import told
from counterflow.validation.frames import Part, join
from counterflow.validation.kinds import Mask, Places
from counterflow.validation.model import RuleStatus
from counterflow.validation.rules import Expectation, Suite

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Result:
    """One rule on one table of one mission."""

    table_name: str
    rule_id: str
    severity: str
    status: RuleStatus
    checked: int = 0
    failed: int = 0
    error: str | None = None


@dataclass(slots=True)
class Judgement:
    """What a suite says of one mission."""

    results: list[Result] = field(default_factory=list)
    # critical rule -> places of the failing rows in the mission's own part
    failures: dict[str, gx.Positions] = field(default_factory=dict)

    @property
    def critical_error(self) -> bool:
        """True if a critical rule could not run: then nothing is known about the mission."""
        return any(r.error is not None and r.severity == "critical" for r in self.results)


def judge(parts: Sequence[Part], suite: Suite) -> dict[str, Judgement]:
    """One judgement for each mission of `parts`, whatever any of them does to the others."""
    try:
        judgements = _judge(parts, suite)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is one mission's, not all's
        if len(parts) == 1:
            return {parts[0].mission_code: crashed(suite, told(error))}
    else:
        if len(parts) == 1 or not any(j.critical_error for j in judgements.values()):
            return judgements
    half = len(parts) // 2
    return judge(parts[:half], suite) | judge(parts[half:], suite)


def crashed(suite: Suite, error: str) -> Judgement:
    """The judgement of a mission on which nothing of `suite` could run."""
    return Judgement(
        [
            Result(suite.name, rule.rule_id, rule.severity, RuleStatus.ERROR, error=error)
            for rule in suite.rules.values()
        ]
    )


def _judge(parts: Sequence[Part], suite: Suite) -> dict[str, Judgement]:
    frame = join(parts)
    none = [gx.Outcome(0, gx.NONE)] * len(suite.expectations)
    outcomes = gx.run(suite, frame.data) if len(frame.data) else none
    judgements = {mission: Judgement() for mission in frame.missions}
    for expectation, outcome in zip(suite.expectations, outcomes, strict=True):
        error, failed = outcome.error, np.zeros(len(frame.data), dtype=bool)
        failed[outcome.failed] = True
        checked = np.zeros_like(failed) if error else _checked(frame.data, expectation)
        if not error and np.count_nonzero(checked) != outcome.checked:
            error = "RowsDisagree"  # we and GX do not mean the same rows: count nothing
        own = [
            (part, part.rows[expectation.rule_id], slice(*ends))
            for part, ends in zip(parts, pairwise(frame.starts), strict=True)
        ]
        if not all(_agree(part, rows, failed[at], checked[at]) for part, rows, at in own):
            error = "KindsDisagree"  # the rule looks at more than a row, and was shown too few
        for part, rows, at in own:
            stands_for = np.bincount(rows, minlength=part.data.num_rows)
            counts = (int(stands_for[mask[at]].sum()) for mask in (checked, failed))
            result = _result(suite.name, expectation, error, *counts)
            judgement = judgements[part.mission_code]
            judgement.results.append(result)
            if result.severity == "critical" and result.status is RuleStatus.FAILED:
                judgement.failures[result.rule_id] = np.flatnonzero(failed[at][rows])
    return judgements


def _agree(part: Part, rows: Places, *masks: Mask) -> bool:
    """Whether judged rows of one kind were judged alike: rows are kept for other rules, too."""
    kinds = rows[part.kept]
    return all(bool((mask == mask[kinds]).all()) for mask in masks)


def _result(table: str, rule: Expectation, error: str | None, checked: int, failed: int) -> Result:
    if error:
        return Result(table, rule.rule_id, rule.severity, RuleStatus.ERROR, error=error)
    status = RuleStatus.FAILED if failed else RuleStatus.PASSED
    if not checked:
        status = RuleStatus.NOT_APPLICABLE
    return Result(table, rule.rule_id, rule.severity, status, checked, failed)


def _checked(data: pd.DataFrame, expectation: Expectation) -> Mask:
    """The rows that GX checks: its row condition holds, and no checked value is missing.

    GX only says how many there are; here it is found which.
    """
    condition = expectation.condition
    mask = np.ones(len(data), dtype=bool) if condition is None else _holds(data, condition)
    if expectation.type != "expect_column_values_to_not_be_null":
        for column in expectation.columns:
            mask = mask & data[column].notna().to_numpy()
    return mask


def _holds(data: pd.DataFrame, condition: Mapping[str, Any]) -> Mask:
    """GX's row condition, for the forms that our suites use."""
    if condition["type"] in ("and", "or"):
        combine = np.logical_and if condition["type"] == "and" else np.logical_or
        return np.asarray(combine.reduce([_holds(data, c) for c in condition["conditions"]]))
    column, value = data[condition["column"]["name"]], condition.get("parameter")
    if condition["type"] == "nullity":
        return np.asarray(column.isna() == condition["is_null"])
    compare = {
        "==": column.eq,
        "!=": column.ne,
        "<": column.lt,
        "<=": column.le,
        ">": column.gt,
        ">=": column.ge,
        "IN": column.isin,
        "NOT_IN": lambda values: ~column.isin(values),
    }[condition["operator"]]
    return np.asarray(compare(value), dtype=bool)
