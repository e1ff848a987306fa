"""`validate`: landed exports in, one verdict for each out, written beside the export.

The work goes by shards, as many missions as fit a number of rows, and in a shard by tables: GX
costs 20 ms a rule whatever the rows, so its cost must grow with rules, not with rules x missions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from counterflow.validation import gx, record
from counterflow.validation.errors import told
from counterflow.validation.frames import (
    Codes,
    Part,
    code_lookup,
    landed_rows,
    read_part,
)
from counterflow.validation.judge import Judgement, Result, crashed, judge
from counterflow.validation.model import LandedExport, Reason, Status, Verdict
from counterflow.validation.profile import Profile, profile
from counterflow.validation.rules import PROFILE, Suite, load_suites, rules_hash

# Called after each table of each shard: its name, steps done, steps in all.
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class _Case:
    """One export on its way to a verdict."""

    export: LandedExport
    rules: str
    codes: Codes
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failures: list[pa.Table] = field(default_factory=list)
    errors: list[Reason] = field(default_factory=list)
    refusals: list[Reason] = field(default_factory=list)


def validate(
    exports: Sequence[LandedExport],
    suites: Path,
    progress: Progress | None = None,
    max_rows_per_shard: int = 500_000,
) -> list[Verdict]:
    """The verdicts of `exports`, in their order. One mission's failure costs no other anything.

    A verdict already given under the same rules is read, not made again.
    """
    missions = [export.mission_code for export in exports]
    if len(set(missions)) != len(missions):
        raise ValueError("validate() takes one export a mission")
    hashes = {export.mission_code: rules_hash(export, suites) for export in exports}
    verdicts = {
        export.mission_code: verdict
        for export in exports
        if (verdict := record.kept(export, hashes[export.mission_code])) is not None
    }
    todo = [export for export in exports if export.mission_code not in verdicts]
    if todo:
        book = load_suites(suites)
        gx.check(book.values())
        shards = list(_shards(todo, max_rows_per_shard))
        steps = len(shards) * len(book)
        for number, shard in enumerate(shards):
            cases = [_Case(e, hashes[e.mission_code], code_lookup(e.code_map)) for e in shard]
            for step, name in enumerate(book, start=number * len(book) + 1):
                (_judge_profiles if name == PROFILE else _judge_table)(cases, book[name])
                if progress is not None:
                    progress(name, step, steps)
            for case in cases:
                verdicts[case.export.mission_code] = _decide(case)
    return [verdicts[mission] for mission in missions]


def _shards(exports: Sequence[LandedExport], most: int) -> Iterator[list[LandedExport]]:
    """Missions in order of their code, as many together as `most` rows allow, at least one."""
    shard: list[LandedExport] = []
    rows = 0
    for export in sorted(exports, key=lambda e: e.mission_code):
        own = _rows(export)
        if shard and rows + own > most:
            yield shard
            shard, rows = [], 0
        shard.append(export)
        rows += own
    if shard:
        yield shard


def _rows(export: LandedExport) -> int:
    try:
        return landed_rows(export)
    except Exception:  # noqa: BLE001  # an unreadable file is told of when its table is read
        return 0


def _judge_table(cases: Sequence[_Case], suite: Suite) -> None:
    """Judge one canonical table of all missions of a shard."""
    parts: dict[str, Part] = {}
    for case in cases:
        try:
            part = read_part(case.export, suite, case.codes)
        except Exception as error:  # noqa: BLE001  # one mission's file is not another's problem
            _take(case, suite, crashed(suite, told(error)))
            case.counted[suite.name] = (0, 0)
        else:
            parts[case.export.mission_code] = part
            case.counted[suite.name] = (part.coded, part.unmapped)
    judgements = judge(list(parts.values()), suite) if parts else {}
    for case in cases:
        mission = case.export.mission_code
        if mission in judgements:
            _take(case, suite, judgements[mission])
            case.failures.extend(_failing_rows(parts[mission], suite, judgements[mission]))


def _judge_profiles(cases: Sequence[_Case], suite: Suite) -> None:
    """Judge the exports of a shard as wholes."""
    profiles: dict[str, Profile] = {}
    for case in cases:
        try:
            profiles[case.export.mission_code] = profile(case.export, suite, case.counted)
        except Exception as error:  # noqa: BLE001
            _take(case, suite, crashed(suite, told(error)))
    judgements = judge([p.part for p in profiles.values()], suite) if profiles else {}
    for case in cases:
        mission = case.export.mission_code
        if mission in judgements:
            _take(case, suite, judgements[mission])
            case.refusals.extend(_refusals(profiles[mission], suite, judgements[mission]))


def _take(case: _Case, suite: Suite, judgement: Judgement) -> None:
    """Note the results, and a reason for each critical rule that could not run."""
    case.results.extend(judgement.results)
    broken = [r for r in judgement.results if r.error is not None and r.severity == "critical"]
    if broken:
        case.errors.append(
            Reason(
                broken[0].rule_id,
                f"{len(broken)} critical rules on {suite.name} could not run, so nothing is known "
                f"about the data; the last good export stays in force.",
                f"Not the mission's fault: look at landing {case.export.path.name} and at "
                f"expectations/{suite.name}.json ({broken[0].error}), repair, and run the night "
                f"again; nothing needs to be pulled.",
                suite.name,
                {"rules": len(broken), "error": str(broken[0].error)},
            )
        )


def _failing_rows(part: Part, suite: Suite, judgement: Judgement) -> Iterator[pa.Table]:
    for rule_id, places in judgement.failures.items():
        rows = pa.array(places)
        yield pa.table(
            {
                "table_name": pa.array([suite.name] * len(places), pa.string()),
                "source": part.source.take(rows),
                "source_row": part.source_row.take(rows),
                "rule_id": pa.array([rule_id] * len(places), pa.string()),
            }
        )


def _refusals(found: Profile, suite: Suite, judgement: Judgement) -> Iterator[Reason]:
    tables = found.part.source.to_pylist()
    for rule_id, places in judgement.failures.items():
        rule = suite.rules[rule_id]
        for table in (tables[place] for place in places):
            numbers = found.observed.get((table, rule_id), {})
            yield Reason(rule_id, rule.reason, rule.cure, table, numbers)


def _decide(case: _Case) -> Verdict:
    """A rule that could not run wins over a refusal: what was not judged cannot be refused."""
    status, reasons = Status.ACCEPTED, case.errors or case.refusals
    if reasons:
        status = Status.FAILED if case.errors else Status.REFUSED
    failures = record.failure_table(case.failures)
    quarantined = failures.select(["source", "source_row"]).group_by(["source", "source_row"])
    verdict = Verdict(
        case.export.mission_code,
        case.export.path,
        status,
        tuple(reasons),
        case.rules,
        quarantined.aggregate([]).num_rows,
    )
    try:
        record.write(case.export.seal, verdict, case.results, failures)
    except OSError as error:
        unwritten = Reason(
            "verdict.written",
            "The verdict could not be written beside the export, so nobody could read it.",
            "Check that the export's folder exists and that its disk has room; run the night "
            "again.",
            PROFILE,
            {"error": told(error)},
        )
        return replace(verdict, status=Status.FAILED, reasons=(*verdict.reasons, unwritten))
    return verdict
