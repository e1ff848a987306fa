"""What happens on which night: a night's number and a mission in, an `Event` out.

Night 1 loads everything. The scenario of the first five nights, the same for every seed:

night 2: MDA, UKR, NPL, BGD, COL, SEN and PHL deliver new and updated cases (in MDA, COL and NPL
         somebody withdrew a consent); IDN delivers nothing (late); GHA renamed a column, HND sent
         an error page, THA half of its rows (all three refused); the others the same bytes.
night 3: IDN, GHA, HND and THA recover with what they could not deliver; MDA and BLR update.
night 4: NPL updates (a third record is merged, a case is missing from the export); LAO late; EGY renamed a column, BLR sent rubbish, UKR half its rows.
night 5: LAO, EGY, BLR and UKR recover; MDA updates; SEN loads old paper files in bulk.
Later nights: MDA updates, all others unchanged.

Cases that vanish come back: MDA leaves two out on night 2, one of them still on night 3. From
night 2 on NPL has merged records: into another case, and into one that nobody knows; COL's form
then has a column that no contract knows. Where a mission worked on its cases some are corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum

from counterflow.synthetic import people
from counterflow.synthetic.forms.base import Column, Form
from counterflow.synthetic.model import Case


class Event(StrEnum):
    """What a mission does on a night."""

    FIRST = "first"
    UPDATE = "update"
    SAME = "same"
    LATE = "late"
    RENAMED = "renamed"
    RUBBISH = "rubbish"
    HALF = "half"


STATUS = {
    Event.FIRST: "loaded", Event.UPDATE: "loaded", Event.SAME: "unchanged", Event.LATE: "late",
    Event.RENAMED: "refused", Event.RUBBISH: "refused", Event.HALF: "refused",
}  # fmt: skip
REASON = {
    Event.FIRST: "first export",
    Event.UPDATE: "new and updated cases",
    Event.SAME: "the same bytes as last time",
    Event.LATE: "no export delivered",
    Event.RENAMED: "the gender column has another name",
    Event.RUBBISH: "the file is an error page",
    Event.HALF: "half of the usual rows",
}
SCENARIO: dict[int, dict[Event, str]] = {
    2: {Event.UPDATE: "MDA UKR NPL BGD COL SEN PHL", Event.LATE: "IDN", Event.RENAMED: "GHA",
        Event.RUBBISH: "HND", Event.HALF: "THA"},
    3: {Event.UPDATE: "IDN GHA HND THA MDA BLR"},
    4: {Event.UPDATE: "NPL", Event.LATE: "LAO", Event.RENAMED: "EGY", Event.RUBBISH: "BLR",
        Event.HALF: "UKR"},
    5: {Event.UPDATE: "LAO EGY BLR UKR MDA SEN"},
}  # fmt: skip
LATER: dict[Event, str] = {Event.UPDATE: "MDA"}

UPDATED = 0.03  # of a mission's cases, on a night when it worked on them
WITHDRAWN = 0.003
WITHDRAWING = frozenset({"MDA", "COL", "NPL"})
ALWAYS_WITHDRAWN = 2  # at least the first so many consenting cases, in small runs too
CORRECTED = 0.01
NEW_SHARE = 200  # one new case for so many old ones
BULK = {(5, "SEN"): 5}  # on that night, one old-dated case for so many that there are
BULK_YEAR = 2009
# Places of cases (from 1) that an export leaves out.
ABSENT = {(2, "MDA"): {5, 9}, (3, "MDA"): {9}, (4, "NPL"): {10}}
# From which night on a record is merged into which other one; 0 is a number that no case has.
MERGED = {"NPL": ((2, 4, 3), (2, 8, 0), (2, 14, 13), (4, 6, 4))}
REFUSED = {"NPL": frozenset({14})}  # places of merged records on which the person refuses
WIDENED = {"COL": 2}  # the night from which the form has one column more

RUBBISH = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"


def event(night: int, mission: str) -> Event:
    """What the mission does on night number `night` (from 1)."""
    if night == 1:
        return Event.FIRST
    for happening, missions in SCENARIO.get(night, LATER).items():
        if mission in missions.split():
            return happening
    return Event.SAME


def worked(night: int, mission: str) -> list[int]:
    """The nights up to this one when the mission worked on its cases, delivered or not."""
    return [n for n in range(2, night + 1) if event(n, mission) is not Event.SAME]


def added(size: int, mission: str, night: int, first: date) -> Iterator[tuple[int, date]]:
    """Place and day of registration of each case that was added since the first night."""
    place = size
    for n in worked(night, mission):
        for _ in range(max(1, size // NEW_SHARE)):
            place += 1
            yield place, first + timedelta(days=n - 1 - place % 4)
        for number in range(size // BULK[n, mission] if (n, mission) in BULK else 0):
            place += 1
            yield place, date(BULK_YEAR, 1 + number % 12, 1 + number * 7 % 28)


def absent(mission: str, night: int) -> frozenset[int]:
    """Places of the cases that the export of that night leaves out."""
    return frozenset(ABSENT.get((night, mission), ()))


def merged(mission: str, size: int, night: int) -> dict[int, int]:
    """Place of each record that was merged → place of the record it was merged into, or 0."""
    return {
        record: into
        for since, record, into in MERGED.get(mission, ())
        if night >= since and record <= size
    }


def form_on(form: Form, night: int) -> Form:
    """The form as it is on a night."""
    if night < WIDENED.get(form.mission.code, night + 1):
        return form
    column = Column("relato_nuevo", personal_note, role="personal")
    return replace(form, sources={**form.sources, "case": [*form.sources["case"], column]})


def personal_note(form: Form, case: Case, part: object) -> str:
    """What the column says that nobody has told headquarters of."""
    return f"{form.mission.code} relato {case.index}" if case.index % 3 else ""


def renamed(form: Form) -> Form:
    """The form with another header over gender, as it comes when somebody edits the export."""
    columns = [
        replace(c, header=c.header + "_2") if c.field == "case.gender" else c
        for c in form.sources["case"]
    ]
    return replace(form, sources={**form.sources, "case": columns})


def age(case: Case, form: Form, seed: int, night: int, first: date, protected: bool) -> None:
    """Bring the case to what it is on night number `night`."""
    mission = form.mission.code
    for n in worked(night, mission):
        today = first + timedelta(days=n - 1)
        if case.registered > today:
            continue
        rng = people.stream(seed, mission, case.index, "night", n)
        if rng.random() < UPDATED:
            case.status = (
                "closed" if case.status in ("follow_up", "closed_referred") else "follow_up"
            )
            service = people.service_of(rng, case.registered)
            service.started = max(case.registered, today - timedelta(days=rng.randint(1, 20)))
            repeated = any(
                (s.type, s.status) == (service.type, service.status) for s in case.services
            )
            if rng.random() < CORRECTED / UPDATED and case.marital:
                case.marital = "married" if case.marital == "single" else "single"
            if not repeated and (not form.services_flat or service.status in form.services_flat):
                case.services.append(service)
        withdraws = rng.random() < WITHDRAWN or (case.index <= ALWAYS_WITHDRAWN and n == 2)
        if withdraws and mission in WITHDRAWING and case.consent == "yes" and not protected:
            case.consent, case.withdrawn = "withdrawn", max(case.registered, today)
