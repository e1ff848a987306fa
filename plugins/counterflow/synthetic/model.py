"""A case and its parts as a mission recorded them: canonical values, None where unanswered.

Both the export (`forms`) and the truth (`truth`) are made from these, never one from the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date

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
    consent: str  # yes, no, unknown, withdrawn
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
        if self.consent != "yes":
            reason = {"no": "no_consent", "unknown": "consent_unknown"}
            return "withheld", "", reason.get(self.consent, "consent_withdrawn")
        if self.copies == "conflict":
            return "quarantined", "case.key_conflict", ""
        if self.rule:
            return "quarantined", self.rule, ""
        return "accepted", "", ""
