"""What is wrong with the data: a sound `Case` in, the same case with its defects out.

The rates are shares of case rows (or of child rows), after the defects that the domain page
lists. Every defect names the rule that must catch it: the truth repeats that rule.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from counterflow.synthetic.calendars import BUDDHIST, IMPOSSIBLE, year_beginning
from counterflow.synthetic.forms.base import Form
from counterflow.synthetic.model import Case
from counterflow.synthetic.people import stream
from counterflow.synthetic.words import words

# Shares of case rows.
UNMAPPED_CODE = 0.004
IMPOSSIBLE_DATE = 0.0015
NOT_A_DATE = 0.001
TOO_OLD_DATE = 0.0005
FUTURE_DATE = 0.001
CALENDAR_MIXED_UP = 0.001  # a Buddhist year among Gregorian ones, or the other way round
CALENDAR_MIXED_UP_LOCAL = 0.008
DECIMAL_MIXED_UP = 0.01  # the other mark, in a column of decimal numbers
BEFORE_BIRTH = 0.001
UNREADABLE_AGE = 0.0015
UNREADABLE_DURATION = 0.0005
KEY_MISSING = 0.0007
REPEATED_ROW = 0.003
CONFLICTING_ROW = 0.0015
BLANK_ROW = 0.003
ORPHAN_ROW = 0.003  # child row of a case that is not in the export
CHILD_WITHOUT_CASE = 0.001  # child row without a case number
UNMAPPED_CONTROL = 0.0015
FORMS_MIXED = 0.004  # an old case answers what its version of the form did not ask
# Shares of child rows.
UNMAPPED_CHILD_CODE = 0.002
UNREADABLE_CHILD_DATE = 0.001
FUTURE_CHILD_DATE = 0.0005

# Columns where an unmapped code is not a defect of ours: free of lists, or derived by the form.
SPARED = frozenset({
    "case.country_of_exploitation_basis", "case.age_band", "case.duration_band",
    "case.children_band", "case.age_band_when_trafficked",
})  # fmt: skip
UNKNOWN_ITEM = "?77"  # an item that no list has and that contains none of their codes
BEYOND = "case.education"
FUTURE_YEAR = 2019
MIXED_UP_SEEN_FROM = 2004  # a Gregorian year from here on is a future year in Ethiopia
READABLE = "case.registered_on_readable"

Spoil = Callable[[Form, Case, Any], None]


def spoil(form: Form, case: Case, seed: int) -> None:
    """Give the case what defects its lot says; at most one on its case row."""
    rng = stream(seed, form.mission.code, case.index, "defects")
    roll = rng.random()
    for share, defect in _menu(form):
        if roll < share:
            defect(form, case, rng)
            break
        roll -= share
    if form.kind != "json":
        case.blank_after = rng.random() < BLANK_ROW
    if form.kind == "zip":
        if rng.random() < ORPHAN_ROW:
            places = ("exploitation", "route_leg", "assistance", "referral", "screening")
            case.orphan = rng.choice([place for place in places if place in form.sources])
        elif rng.random() < CHILD_WITHOUT_CASE:
            case.orphan = "nobody"
        if rng.random() < UNMAPPED_CONTROL:
            if form.control_mode == "each":
                case.bad["control.answer"] = "2"
            else:
                case.bad["control.means_of_control"] = UNKNOWN_ITEM
    if len(form.sources) > 1:
        _spoil_children(form, case, rng)
    if case.version == "v1" and BEYOND in form.v1_lacks and rng.random() < FORMS_MIXED:
        case.beyond = frozenset({BEYOND})


def _menu(form: Form) -> list[tuple[float, Spoil]]:
    mixed_up = CALENDAR_MIXED_UP if form.calendar == "gregorian" else CALENDAR_MIXED_UP_LOCAL
    menu: list[tuple[float, Spoil]] = [
        (UNMAPPED_CODE, _unmapped),
        (IMPOSSIBLE_DATE, _impossible),
        (NOT_A_DATE, _not_a_date),
        (TOO_OLD_DATE, _too_old),
        (FUTURE_DATE, _future),
        (mixed_up, _mixed_up),
        (CONFLICTING_ROW, _conflict),
    ]
    if form.age_kind == "birth":
        menu.append((BEFORE_BIRTH, _before_birth))
    if form.age_kind == "years" and form.decimal:
        menu.append((DECIMAL_MIXED_UP, _decimal))
    if form.age_kind != "band":
        menu.append((UNREADABLE_AGE, _age))
    if any(c.field == "case.duration_band" and not c.codes for c in form.sources["case"]):
        menu.append((UNREADABLE_DURATION, _duration))
    if len(form.sources) == 1:
        menu.append((KEY_MISSING, _no_key))
    if form.kind != "json":
        menu.append((REPEATED_ROW, _repeat))
    return menu


def _set(case: Case, field: str, text: Any, rule: str) -> None:
    case.bad[field] = text
    case.rule = rule


def unknown_code(form: Form, case: Case) -> str:
    """A text where a code should be; it names a person, as such texts do."""
    return f"? {words(form.language, 'person')['name']} {case.index}"


def _unmapped(form: Form, case: Case, rng: Any) -> None:
    fields = sorted({
        "control.answer" if c.codes == "control_answer" else c.field
        for c in form.sources["case"]
        if c.role == "field" and c.codes and c.field not in SPARED
        and not c.field.startswith("local_attribute")
        and not (case.version == "v1" and c.field in form.v1_lacks)
    })  # fmt: skip
    field = rng.choice(fields)
    in_list = any(c.many for c in form.sources["case"] if c.field == field)
    text: Any = UNKNOWN_ITEM if in_list else unknown_code(form, case)
    _set(case, field, text, f"{field}_mapped")


def _typed(form: Form, day: int, month: int, year: int) -> str:
    """Day, month and (Gregorian) year as the form writes them, whether or not there is such a day."""
    return form.write_date(year_beginning(form.calendar, year), month, day)


def _impossible(form: Form, case: Case, rng: Any) -> None:
    day, month = rng.choice(IMPOSSIBLE[form.calendar])
    _set(case, "case.registered_on", _typed(form, day, month, case.registered.year), READABLE)


def _not_a_date(form: Form, case: Case, rng: Any) -> None:
    _set(case, "case.registered_on", f"~{case.registered.year}", READABLE)


def _too_old(form: Form, case: Case, rng: Any) -> None:
    _set(case, "case.registered_on", _typed(form, rng.randint(1, 28), 5, 1807), READABLE)


def _future(form: Form, case: Case, rng: Any) -> None:
    text = _typed(form, rng.randint(1, 28), case.registered.month, FUTURE_YEAR)
    _set(case, "case.registered_on", text, "case.registered_on_not_future")


def _mixed_up(form: Form, case: Case, rng: Any) -> None:
    """A day of another calendar: in the form's own it is in the future, or long before 1900."""
    day, month, year = min(case.registered.day, 28), case.registered.month, case.registered.year
    if form.calendar == "ethiopian" and year < MIXED_UP_SEEN_FROM:
        return  # read as Ethiopian it is a day of the past, and nobody can tell
    if form.calendar == "gregorian":
        text, rule = _typed(form, day, month, year + BUDDHIST), "case.registered_on_not_future"
    else:
        text = form.write_date(year, month, day)
        rule = READABLE if form.calendar == "buddhist" else "case.registered_on_not_future"
    _set(case, "case.registered_on", text, rule)


def _before_birth(form: Form, case: Case, rng: Any) -> None:
    if case.birth is None:
        return
    day = case.birth - timedelta(days=rng.randint(20, 200))
    written = day if form.real_dates else form.write_day(day)
    _set(case, "case.registered_on", written, "case.registered_on_not_before_birth")


def _age(form: Form, case: Case, rng: Any) -> None:
    day, month = IMPOSSIBLE[form.calendar][0]
    text = f"~{case.age}" if form.age_kind == "years" else _typed(form, day, month, 1985)
    _set(case, "case.age_band", text, "case.age_band_readable")


def _decimal(form: Form, case: Case, rng: Any) -> None:
    """Somebody wrote 23.5 where all others write 23,5."""
    other = "." if form.decimal == "," else ","
    _set(case, "case.age_band", f"{case.age or 20}{other}5", "case.age_band_readable")


def _duration(form: Form, case: Case, rng: Any) -> None:
    _set(case, "case.duration_band", "6?8", "case.duration_band_readable")


def _no_key(form: Form, case: Case, rng: Any) -> None:
    _set(case, "case.key", "", "case.key_present")


def _repeat(form: Form, case: Case, rng: Any) -> None:
    case.copies = "repeat"


def _conflict(form: Form, case: Case, rng: Any) -> None:
    case.copies = "conflict"


def _spoil_children(form: Form, case: Case, rng: Any) -> None:
    held: list[tuple[str, list[Any], str]] = [
        ("exploitation", case.exploitations, "exploitation.start_year"),
        ("route_leg", case.legs, "route_leg.year"),
        ("perpetrator", case.perpetrators, ""),
        ("assistance", case.services, "assistance.started_on"),
        ("screening", case.screenings, "screening.decided_on"),
        ("referral", case.referrals, "referral.referred_on"),
        ("event", case.events, "event.year"),
    ]
    for source, children, dated in held:
        fields = sorted(c.field for c in form.sources.get(source, ()) if c.codes)
        for child in children if fields else ():
            roll = rng.random()
            if roll < UNMAPPED_CHILD_CODE:
                field = rng.choice(fields)
                child.bad = {field: unknown_code(form, case), "": f"{field}_mapped"}
            elif dated and roll < UNMAPPED_CHILD_CODE + UNREADABLE_CHILD_DATE:
                day, month = IMPOSSIBLE[form.calendar][0]
                text = _typed(form, day, month, 2006) if dated.endswith("_on") else "~2005"
                child.bad = {dated: text, "": f"{dated}_readable"}
            elif dated.endswith("_on") and roll > 1 - FUTURE_CHILD_DATE:
                child.bad = {dated: form.write_day(date(FUTURE_YEAR, 5, 4)),
                             "": f"{dated}_not_future"}  # fmt: skip
