"""What a form asks of consent beside yes and no: scopes, days, its version, a guardian's answer.

In: a form that has such columns and a case. Out: what the person and the guardian said, with the
contradictions and gaps of real files; and how the cells are filled. A stream of its own: the rest of
a case is the same whatever its form asks of consent.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from counterflow.synthetic.forms.base import Cell, Column, Fill, Form
from counterflow.synthetic.model import Case

# Shares of cases, where the form has the column.
OUT_OF_SCOPE = 0.012
SHARES = 0.6  # of those who agree: to data sharing too
ODD = 0.002  # something is written that is no answer
NO_DAY = 0.1
LATE_DAY = 0.001  # a day that has not come
CONTRADICTORY = 0.003  # a consent dated after its withdrawal
RENEWED = 0.004  # the same, where the mission's form means that it was renewed
UNREADABLE_WITHDRAWAL = 0.001
LATE_WITHDRAWAL = 0.001
OLD_PAD = 0.008  # somebody still used the form that does not ask for research
NO_VERSION = 0.003
GUARDIAN = {  # answers by who is asked, with their weights
    "minor": (("yes", 93), ("", 3), ("no", 2), ("not_needed", 1), ("odd", 1)),
    "adult": (("not_needed", 650), ("", 345), ("no", 1), ("odd", 1), ("yes", 3)),
    "unknown": (("not_needed", 70), ("yes", 15), ("", 15)),
}
VERSION_SINCE = ((2007, "F3"), (0, "F2"))
LATE_YEAR, LATE_WITHDRAWN = 2019, date(2011, 2, 14)
ODD_TEXT = "? {index}"
NONE = "none"


def settle(form: Form, case: Case, rng: random.Random, sound: bool) -> None:
    """What the case says of consent in the further columns; `sound`: nothing that withholds."""
    listed, apart = form.fills(scopes), form.fills(*scope_columns.values())
    case.by_birth, case.renews = form.age_kind == "birth", form.renews
    draws: list[tuple[bool, Callable[[Case, random.Random, bool], None]]] = [
        (listed or apart, _scopes_listed if listed else _scopes_apart),
        (form.fills(given_on), _day),
        (form.fills(consent_form), _version),
        (form.fills(guardian), _guardian),
    ]
    for asked, draw in draws:
        if asked:
            draw(case, rng, sound)
    if form.fills(given_on) and form.takes_withdrawal and not sound:
        _withdrawal(case, rng)


def _scopes_listed(case: Case, rng: random.Random, sound: bool) -> None:
    case.scopes_listed = True
    if case.consent == "no":
        chosen = {NONE} if rng.random() < 0.3 else {"assistance"}
    elif case.consent == "unknown":
        chosen = {"assistance"} if rng.random() < 0.2 else set()
    else:
        chosen = {"research", "assistance"}
    if case.consent != "no" and chosen and rng.random() < SHARES:
        chosen.add("data_sharing")
    if not sound and chosen and rng.random() < OUT_OF_SCOPE:
        chosen.discard("research")
    case.scopes = {
        scope: "yes" if scope in chosen else None
        for scope in ("research", "assistance", "data_sharing", NONE)
    }
    if not sound and chosen and rng.random() < ODD:
        case.bad["consent.scope"] = "?77"


def _scopes_apart(case: Case, rng: random.Random, sound: bool) -> None:
    answers = (("yes", 80), ("no", 12), (None, 8)) if case.consent != "unknown" else ((None, 1),)
    case.scopes = {
        scope: rng.choices([a for a, _ in answers], [w for _, w in answers])[0]
        for scope in ("assistance", "data_sharing")
    }
    if sound or case.consent != "yes":
        return
    if rng.random() < OUT_OF_SCOPE:
        case.consent, case.scopes["assistance"] = "unknown", "yes"
    elif rng.random() < ODD:
        case.bad["consent.scope"] = ODD_TEXT.format(index=case.index)


def _day(case: Case, rng: random.Random, sound: bool) -> None:
    last = max(case.registered, date(2010, 11, 20))
    case.given = min(case.registered + timedelta(days=rng.randint(0, 3)), last)
    roll = rng.random()
    if sound:
        case.given = case.registered
    elif roll < NO_DAY:
        case.given = None
    elif roll < NO_DAY + LATE_DAY:
        case.given = date(LATE_YEAR, 5, 4)
    elif roll < NO_DAY + LATE_DAY + ODD:
        case.given, case.bad["consent.given_on"] = None, f"~{case.registered.year}"


def _withdrawal(case: Case, rng: random.Random) -> None:
    roll = rng.random()
    if case.consent != "yes" or case.given is None or case.given.year == LATE_YEAR:
        return
    for share, day in (
        (
            RENEWED if case.renews else CONTRADICTORY,
            case.given - timedelta(days=rng.randint(1, 90)),
        ),
        (LATE_WITHDRAWAL, LATE_WITHDRAWN),
    ):
        if roll < share:
            case.withdrawn = day
            return
        roll -= share
    if roll < UNREADABLE_WITHDRAWAL:
        case.bad["consent.withdrawn_on"] = f"~{case.registered.year}"


def _version(case: Case, rng: random.Random, sound: bool) -> None:
    case.consent_form = next(v for year, v in VERSION_SINCE if case.registered.year >= year)
    roll = rng.random()
    if sound:
        return
    if roll < OLD_PAD:
        case.consent_form = "F1"
    elif roll < OLD_PAD + NO_VERSION:
        case.consent_form = ""
    elif roll < OLD_PAD + NO_VERSION + ODD:
        case.bad["consent.form"] = "F9"


def _guardian(case: Case, rng: random.Random, sound: bool) -> None:
    who = "unknown" if case.age is None else "minor" if case.age < 18 else "adult"
    answers = GUARDIAN[who]
    case.guardian = rng.choices([a for a, _ in answers], [w for _, w in answers])[0]
    if sound:
        case.guardian = "yes" if who != "adult" else "not_needed"
    if case.guardian == "odd":
        case.guardian, case.bad["consent.guardian"] = "", ODD_TEXT.format(index=case.index)


# Fillers. None draws from the case's stream: the spelling of its other cells stays as it was.


def given_on(form: Form, case: Case, part: Any) -> Cell:
    """The day of consent."""
    if "consent.given_on" in case.bad:
        return case.bad["consent.given_on"]
    return "" if case.given is None else form.write_day(case.given)


def scopes(form: Form, case: Case, part: Any) -> Cell:
    """All that was agreed to in one cell."""
    chosen = [form.lists["consent_scope"][s] for s, a in (case.scopes or {}).items() if a == "yes"]
    if "consent.scope" in case.bad:
        chosen.append(case.bad["consent.scope"])
    return form.joiner.join(chosen)


def _scope_column(scope: str) -> Fill:
    def fill(form: Form, case: Case, part: Any) -> Cell:
        if scope == "data_sharing" and "consent.scope" in case.bad:
            return case.bad["consent.scope"]
        answer = (case.scopes or {}).get(scope)
        return "" if answer is None else form.lists["consent"][answer]

    return fill


scope_columns = {scope: _scope_column(scope) for scope in ("assistance", "data_sharing")}


def consent_form(form: Form, case: Case, part: Any) -> Cell:
    """The version of the consent form that was signed."""
    return case.bad.get("consent.form", case.consent_form or "")


def guardian(form: Form, case: Case, part: Any) -> Cell:
    """The answer of the guardian, or of the representative that a court appointed."""
    if "consent.guardian" in case.bad:
        return case.bad["consent.guardian"]
    return form.lists["consent_guardian"][case.guardian] if case.guardian else ""


def columns(**headers: str) -> list[Column]:
    """The further columns of consent that a form has, by what they ask."""
    fills: dict[str, tuple[Fill, str]] = {
        "scopes": (scopes, "consent_scope"), "given_on": (given_on, ""),
        "consent_form": (consent_form, ""), "guardian": (guardian, "consent_guardian"),
        **{scope: (fill, "consent") for scope, fill in scope_columns.items()},
    }  # fmt: skip
    return [
        Column(header, fills[name][0], codes=fills[name][1], role="consent", many=name == "scopes")
        for name, header in headers.items()
    ]
