"""One mission's exports of all nights, with their truth: a `Job` in, files and counts out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from counterflow.synthetic import answers, defects, forms, nights, notes, people
from counterflow.synthetic.export import Sink, open_sink
from counterflow.synthetic.forms.base import Form, Mission
from counterflow.synthetic.model import FIRST_OF, UNSAID, Case
from counterflow.synthetic.nights import Event
from counterflow.synthetic.shuffling import Shuffled, shuffled_form
from counterflow.synthetic.truth import Truth

UNKNOWN_MERGED = "case.merged_known"
UNKNOWN_CASE = "0-0-0-{index}"  # a case number no mission gives


@dataclass(frozen=True, slots=True)
class Job:
    """One mission's share of the work."""

    out: Path
    mission: Mission
    size: int
    seed: int
    nights: int
    first_night: date
    planted: dict[int, tuple[str, str]] = field(default_factory=dict)
    shuffle: int | None = None  # a seed: columns and rows in another order


@dataclass(slots=True)
class Delivered:
    """What one mission delivered: cases of the first night, and per night status and reason."""

    mission: str
    cases: int
    rows: int = 0
    statuses: list[tuple[str, str]] = field(default_factory=list)


def deliver(job: Job) -> Delivered:
    """Write the mission's exports and their truth, night by night."""
    form = forms.for_rows(forms.build(job.mission), job.size)
    if job.shuffle is not None:
        form = shuffled_form(form, job.shuffle)
    folder = job.out / "exports" / job.mission.code
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "FORM.txt").write_text(notes.write(form), encoding="utf-8")
    done = Delivered(job.mission.code, job.size)
    last_good: Path | None = None
    for number in range(1, job.nights + 1):
        night = job.first_night + timedelta(days=number - 1)
        path = folder / night.strftime(form.path)
        event = nights.event(number, job.mission.code)
        if event in (Event.FIRST, Event.UPDATE):
            truth = Truth(job.out / "truth" / night.isoformat() / job.mission.code)
            done.rows += write(job, nights.form_on(form, number), number, path, truth)
            truth.close()
            last_good = path
        elif event is Event.SAME and last_good is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(last_good, path)
        elif event is Event.RUBBISH:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(nights.RUBBISH, encoding="ascii")
        elif event is Event.RENAMED:
            write(job, nights.renamed(form), number, path, None)
        elif event is Event.HALF:
            write(job, form, number, path, None, half=True)
        done.statuses.append((str(nights.STATUS[event]), nights.REASON[event]))
    return done


def cases(job: Job, form: Form, number: int) -> Iterator[Case]:
    """The mission's cases as they are on night number `number`, defects included."""
    mission = job.mission.code
    merged, hidden = nights.merged(mission, job.size, number), nights.absent(mission, number)
    for index in range(1, job.size + 1):
        if index not in hidden:
            yield (
                _merge(job, form, number, index, merged)
                if index in merged
                else _case(job, form, number, index)
            )
    for index, registered in nights.added(job.size, mission, number, job.first_night):
        yield people.make(form, job.seed, index, registered=registered)


def _case(job: Job, form: Form, number: int, index: int, sound: bool = False) -> Case:
    """One case of the first night, as it is on night number `number`."""
    citizenship, destination = job.planted.get(index, ("", ""))
    case = people.make(form, job.seed, index, citizenship, destination)
    nights.age(case, form, job.seed, number, job.first_night, index in job.planted)
    if index not in job.planted and not sound:
        defects.spoil(form, case, job.seed)
    case.blank_after &= index < job.size  # an empty row at the end of a workbook is none
    return case


def _merge(job: Job, form: Form, number: int, index: int, merged: Mapping[int, int]) -> Case:
    """A record that was merged: a second record of the same person, whose journey moved away."""
    case = _case(job, form, number, index, sound=True)
    into = merged[index]
    if not into:
        case.merged_into = UNKNOWN_CASE.format(index=index)
        return case
    case.merged_into = _case(job, form, number, into, sound=True).number
    if index in nights.REFUSED.get(job.mission.code, ()):
        case.consent = "no"
    case.citizenships = _survivor(job, form, number, into, merged).citizenships
    case.legs, case.perpetrators, case.events = [], [], []
    return case


def _survivor(job: Job, form: Form, number: int, index: int, merged: Mapping[int, int]) -> Case:
    """The case at the end of a chain of merged records."""
    while index in merged:
        index = merged[index]
    return _case(job, form, number, index)


@dataclass(slots=True)
class Writing:
    """What goes on while one export is written: where lines go, and what becomes of them."""

    job: Job
    form: Form
    number: int
    sink: Sink
    truth: Truth | None
    merged: dict[int, int]

    def outcome(self, case: Case) -> tuple[str, str, str]:
        """Outcome of the case's row, its rule, its reason; the records of one person share a fate."""
        into = self.merged.get(case.index)
        if into == 0:
            held, _, reason = case.outcome
            return (held, "", reason) if held == "withheld" else ("quarantined", UNKNOWN_MERGED, "")
        survivor = case
        if into is not None:
            survivor = _survivor(self.job, self.form, self.number, into, self.merged)
        # An answer that is missing on a merged record is told by the survivor's; nothing else is.
        said = [
            survivor.withheld,
            *(r.withheld for r in self.records(survivor) if r.withheld != UNSAID),
        ]
        if reason := next((reason for reason in FIRST_OF if reason in said), ""):
            return "withheld", "", reason
        outcome, rule, _ = survivor.outcome
        return outcome, "parent_quarantined" if rule and into is not None else rule, ""

    def records(self, case: Case) -> list[Case]:
        """The records that were merged into the case, in the order of the file."""
        found = []
        for index in sorted(self.merged):
            end: int = index
            while end in self.merged:
                end = self.merged[end]
            if end == case.index:
                found.append(_merge(self.job, self.form, self.number, index, self.merged))
        return found


def write(
    job: Job,
    form: Form,
    number: int,
    path: Path,
    truth: Truth | None,
    half: bool = False,
    change: Callable[[Case], None] | None = None,
) -> int:
    """Write one export; its number of case rows. Without `truth` nobody needs to know.

    `change` may alter each case before it is written, for nights that are no part of the scenario.
    """
    sink = open_sink(form, path)
    if job.shuffle is not None:
        sink = Shuffled(sink, form, people.stream(job.shuffle, job.mission.code, number))
        truth = truth and sink.before(truth)
    held: list[tuple[int, Case]] = []  # repeated and conflicting cases: once more, at the end
    merged = nights.merged(job.mission.code, job.size, number)
    writing = Writing(job, form, number, sink, truth, merged)
    for case in cases(job, form, number):
        if half and case.index > job.size // 2:
            break
        if change is not None:
            change(case)
        row = _write_case(writing, case)
        if case.copies:
            held.append((row, case))
    for first, case in held:
        _write_copy(writing, case, first)
    blanks = sink.close()
    if truth is not None:
        for row in blanks:
            truth.fate("case", row, "", "blank")
        if isinstance(sink, Shuffled):
            sink.tell()
    return job.size


def _write_case(writing: Writing, case: Case) -> int:
    """Write the case's lines and note their fates; the place of its case row."""
    form, sink, truth = writing.form, writing.sink, writing.truth
    outcome, rule, reason = writing.outcome(case)
    number = "" if "case.key" in case.bad else case.number
    place = 0
    for source, cells, own_rule in form.lines(case):
        row = sink.line(source, cells)
        place = row if source == "case" else place
        if truth is None:
            continue
        if source == "case" or outcome == "withheld":
            truth.fate(source, row, number, outcome, rule if source == "case" else "", reason)
        elif outcome == "quarantined":
            truth.fate(source, row, number, outcome, "parent_quarantined")
        else:
            truth.fate(source, row, number, "quarantined" if own_rule else "accepted", own_rule)
    if truth is not None and outcome == "accepted" and not case.merged_into:
        merged = writing.records(case)
        held = answers.rows_of(form, case, merged) if merged else answers.rows(form, case)
        for table, answer in held:
            truth.add(table, answer)
    if case.blank_after:
        source = list(form.sources)[case.index % len(form.sources)]
        blank = sink.blank(source)
        if truth is not None and blank is not None:
            truth.fate(source, blank, "", "blank")
    if case.orphan:
        _write_orphan(form, case, sink, truth)
    return place


def _write_copy(writing: Writing, case: Case, first: int) -> None:
    """The case row once more: the same, or with another answer to one question."""
    job, form, sink, truth = writing.job, writing.form, writing.sink, writing.truth
    copy = replace(case, rng=people.stream(job.seed, job.mission.code, case.index, "spelling"))
    outcome, rule, reason = writing.outcome(case)
    if case.copies == "conflict":
        copy.gender = "masculine" if case.gender == "feminine" else "feminine"
    elif outcome == "accepted":
        outcome, rule = "quarantined", "case.key_repeat"
    cells = [column.fill(form, copy, copy) for column in form.sources["case"]]
    row = sink.line("case", cells)
    if isinstance(sink, Shuffled):
        sink.keep(first, row)  # of a repeat the first row of the file counts
    if truth is not None:
        truth.fate("case", row, case.number, outcome, rule, reason)


def _write_orphan(form: Form, case: Case, sink: Sink, truth: Truth | None) -> None:
    """A child row of a case that is not in the export, or of no case at all."""
    nobody = case.orphan == "nobody"
    source = "assistance" if nobody else case.orphan
    number = "" if nobody else UNKNOWN_CASE.format(index=case.index)
    stray = replace(
        case,
        number=number,
        bad={},
        exploitations=case.exploitations[:1],
        legs=case.legs[:1],
        services=case.services[:1],
        screenings=case.screenings[:1],
        referrals=case.referrals[:1],
    )
    rule = f"{source}.case_present" if nobody else f"{source}.case_known"
    for place, cells, _ in form.lines(stray):
        if place == source:
            row = sink.line(source, cells)
            if truth is not None:
                truth.fate(source, row, number, "quarantined", rule)
