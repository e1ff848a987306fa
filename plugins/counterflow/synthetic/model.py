"""A case and its parts as a mission recorded them: canonical values, None where unanswered.

Both the export (`forms`) and the truth (`truth`) are made from these, never one from the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date

NOT_YET = 2015  # a day in or after it has not come on any night
UNSAID = "consent_unknown"
# Of several reasons why research may not use a case the first is told.
FIRST_OF = ("no_consent", "consent_contradictory", "consent_withdrawn", "consent_out_of_scope",
            "no_guardian_consent", UNSAID)  # fmt: skip
UNASKED = frozenset({"F1"})  # versions of the consent form that never asked for research

# `bad`: canonical field id (`case.gender`) to the text that stands in the cell instead.
Bad = dict[str, str]


@dataclass(slots=True)
class Exploitation:
    """One exploitation of a case."""

    type: str | None
    sector: str | None = None
    country: str | None = None
    start_year: int | None = None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Leg:
    """One leg of a route."""

    number: int
    origin: str | None
    destination: str | None
    year: int | None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Perpetrator:
    """One perpetrator of a case."""

    number: int
    roles: list[str]  # in the order in which they were named
    gender: str | None
    age: int | None
    citizenship: str | None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Service:
    """One service needed, offered, provided or declined."""

    type: str | None
    status: str | None
    started: date | None
    ended: date | None
    provider: str | None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Screening:
    """One decision on whether the person is a victim of trafficking."""

    decision: str | None
    decided_by: str | None
    decided: date | None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Referral:
    """One referral, to the mission or on from it."""

    direction: str  # incoming, outgoing
    reason: str | None
    referred: date | None
    organisation: str | None  # its type
    country: str | None  # of the organisation
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Event:
    """One historic trafficking event."""

    number: int
    type: str | None
    country: str | None
    year: int | None
    bad: Bad = field(default_factory=dict)


@dataclass(slots=True)
class Case:
    """One assisted person as the mission's form has it."""

    index: int
    number: str
    registered: date
    birth: date | None
    age: int | None  # full years at registration
    gender: str | None
    marital: str | None
    education: str | None
    citizenships: list[str]
    country: str | None  # of exploitation, on the form's basis
    basis: str
    sexual: str | None
    labour: str | None
    other: str | None
    trafficking_status: str | None
    months: int | None
    referral: str | None
    status: str | None
    retrafficked: str | None
    exploitations: list[Exploitation]
    control: dict[str, str | None]  # item asked → yes, no, None
    methods: list[str]
    relationship: str | None
    legs: list[Leg]
    perpetrators: list[Perpetrator]
    factors: dict[tuple[str, str], str | None]  # factor and level
    services: list[Service]
    local: dict[str, str | None]
    consent: str  # the answer on research: yes, no, unknown, withdrawn (once yes)
    withdrawn: date | None
    version: str  # form version in force at registration
    rng: random.Random  # for spelling: missing codes, drifting capitals
    children: int | None = None
    primary_language: str | None = None
    secondary_language: str | None = None
    residence: str | None = None
    deceased: str | None = None
    age_when: int | None = None  # full years when trafficked
    sexual_forms: list[str] = field(default_factory=list)
    platforms: dict[str, list[str]] = field(default_factory=dict)  # by purpose
    recruitment_country: str | None = None
    screenings: list[Screening] = field(default_factory=list)
    referrals: list[Referral] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    given: date | None = None  # the day of consent, where the form has it
    scopes: dict[str, str | None] | None = None  # scope → yes, no, None; None: not on the form
    scopes_listed: bool = False  # in one cell, beside the answer; else the answer is on research
    consent_form: str | None = None  # its version, "" where none is written
    guardian: str | None = None  # yes, no, not_needed, "" where nothing is written
    renews: bool = False  # a consent after a withdrawal renews it
    by_birth: bool = False  # the age is told by a date of birth
    merged_into: str = ""  # number of the case that the record was merged into
    beyond: frozenset[str] = frozenset()  # fields answered though their version did not ask them
    bad: Bad = field(default_factory=dict)
    rule: str = ""  # the row rule its case row must fail
    copies: str = ""  # "", "repeat" or "conflict"
    blank_after: bool = False  # an empty row follows in the case file
    orphan: str = ""  # table that gets a row of an unknown case after this one

    @property
    def outcome(self) -> tuple[str, str, str]:
        """Outcome of the case row, with the rule it breaks or the reason it is withheld."""
        if self.withheld:
            return "withheld", "", self.withheld
        if self.copies == "conflict":
            return "quarantined", "case.key_conflict", ""
        if self.rule:
            return "quarantined", self.rule, ""
        return "accepted", "", ""

    @property
    def withheld(self) -> str:
        """Why research may not use the case: of several reasons the first of these."""
        late = self.given is not None and self.given.year >= NOT_YET
        after = (
            self.given is not None and self.withdrawn is not None and self.given > self.withdrawn
        )
        taken_back = self.withdrawn is not None or "consent.withdrawn_on" in self.bad
        agreed = {scope for scope, answer in (self.scopes or {}).items() if answer == "yes"}
        if self.consent == "no" or "none" in agreed:
            return "no_consent"
        if after and not self.renews:
            return "consent_contradictory"
        if taken_back and not (after and not late):
            return "consent_withdrawn"
        research = "research" in agreed if self.scopes_listed else self.consent != "unknown"
        if (agreed and not research) or self.consent_form in UNASKED:
            return "consent_out_of_scope"
        if self._guardian_lacks():
            return "no_guardian_consent"
        odd = {"consent.scope", "consent.given_on", "consent.form", "consent.guardian"} & set(
            self.bad
        )
        silent = self.consent == "unknown" or (self.scopes_listed and not agreed)
        if silent or odd or late or self.consent_form == "":
            return UNSAID
        return ""

    def _guardian_lacks(self) -> bool:
        """Whether a guardian refused, or one is needed and did not agree."""
        if self.guardian is None:
            return False
        written = "" if "consent.guardian" in self.bad else self.guardian
        unreadable = "case.age_band" in self.bad
        unreadable |= self.by_birth and "case.registered_on" in self.bad
        if self.age is None or unreadable:
            return written not in ("yes", "not_needed")
        return written == "no" or (self.age < 18 and written != "yes")
