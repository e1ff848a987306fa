"""The language of consent: which columns and answers allow research, and what takes it back.

In: plain dicts and strings of a contract's `consent`. Out: a `Consent`. Everything that it names is
judged by `counterflow.consent`; what is left out of it is not on the mission's form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from counterflow.contracts.columns import Header
from counterflow.contracts.scalars import Calendar, Words
from counterflow.contracts.strict import Strict
from counterflow.text import fold

Scope = Literal["research", "assistance", "data_sharing", "other"]
Item = Literal["research", "assistance", "data_sharing", "other", "none"]
RESEARCH: Scope = "research"


class ConsentDate(Strict):
    """A day of consent: compared, and never landed."""

    from_: Header = Field(alias="from")
    """The column."""
    date: Words
    """How the day is written (`%d.%m.%Y`); several ways are tried in order."""
    calendar: Calendar | None = None
    """The calendar of this column, if it is not that of the whole export."""


class Scopes(Strict):
    """For what the person agreed: one column that lists it, or one column for each scope."""

    from_: Header | None = Field(default=None, alias="from")
    """The column that lists what was agreed to."""
    many: str | None = None
    """The delimiter between several scopes in one cell. Without it a cell holds one."""
    codes: dict[str, Item] = Field(default_factory=dict)
    """What its items mean; `none` is an item with which the person agrees to nothing."""
    columns: dict[Scope, Header] = Field(default_factory=dict)
    """Scope → its own column, answered in the words of `yes` and `no`."""
    also_needs: list[Scope] = Field(default_factory=list)
    """Scopes without which a case is not used either, besides research."""

    @model_validator(mode="after")
    def _one_way(self) -> Scopes:
        if (self.from_ is None) == (not self.columns):
            raise ValueError(
                "say either `from` (a column that lists scopes) or `columns` (one a scope)"
            )
        if self.columns and (self.codes or self.many is not None):
            raise ValueError(
                "`codes` and `many` are for a column that lists scopes: leave them out"
            )
        told = {str(scope) for scope in (self.columns or self.codes.values())} - {"none"}
        if self.from_ is not None and RESEARCH not in told:
            raise ValueError(
                "no item means `research`: no case could ever be used; add it to `codes`"
            )
        for scope in self.also_needs:
            if scope not in told | {RESEARCH}:
                raise ValueError(
                    f"`also_needs` names `{scope}`, which no column or code tells of: add it, or take it out"
                )
        _once({word: [scope] for word, scope in self.codes.items()})
        return self


class FormVersions(Strict):
    """Which consent forms asked for research at all."""

    from_: Header = Field(alias="from")
    """The column with the version of the consent form that was signed."""
    covers: Words
    """The versions that ask for consent to research."""
    does_not_cover: Words = Field(default_factory=list)
    """The versions that do not: a yes on them is out of scope."""

    @model_validator(mode="after")
    def _told_apart(self) -> FormVersions:
        _explicit(self.covers, "covers")
        _apart(covers=self.covers, does_not_cover=self.does_not_cover)
        return self


class Guardian(Strict):
    """Whose consent a minor needs besides its own: a guardian's, or a representative's by a court."""

    from_: Header = Field(alias="from")
    """The column with the guardian's answer."""
    yes: Words
    """The answers with which the guardian allows it."""
    no: Words = Field(default_factory=list)
    """The answers with which the guardian refuses it."""
    not_needed: Words = Field(default_factory=list)
    """The answers that say that the person is of age."""

    @model_validator(mode="after")
    def _told_apart(self) -> Guardian:
        _explicit(self.yes, "yes")
        _apart(yes=self.yes, no=self.no, not_needed=self.not_needed)
        return self


class Consent(Strict):
    """Which answers allow research, on which columns of the case table."""

    from_: Header = Field(alias="from")
    """The column with the answer."""
    yes: Words
    """The answers that allow it. Whatever is in neither list is no consent."""
    no: Words = Field(default_factory=list)
    """The answers that refuse it."""
    scope: Scopes | None = None
    """For what else the form asks consent: a yes to something else is no yes to research."""
    given_on: ConsentDate | None = None
    """The day on which consent was given."""
    withdrawn: Header | None = None
    """A column that is filled when consent was withdrawn."""
    withdrawn_on: ConsentDate | None = None
    """The day on which consent was withdrawn; also a day to come, or one that cannot be read, withholds."""
    not_withdrawn: Words = Field(default_factory=list)
    """What these two columns may hold if it was not, besides nothing."""
    renews: bool = False
    """A consent given after the withdrawal renews it. Without this the two contradict each other."""
    form_versions: FormVersions | None = None
    """Which versions of the consent form cover research."""
    guardian: Guardian | None = None
    """The consent of a guardian, without which a minor's is not enough."""

    @model_validator(mode="after")
    def _says_yes(self) -> Consent:
        _explicit(self.yes, "yes")
        _apart(yes=self.yes, no=self.no)
        if self.renews and not (self.given_on and self.withdrawn_on):
            raise ValueError(
                "`renews` compares two days: it needs `given_on` and `withdrawn_on`, or leave it out"
            )
        listed = self.scope.codes if self.lists_scopes and self.scope else None
        if listed is not None and not set(map(fold, self.yes)) <= set(map(fold, listed)):
            raise ValueError(
                "`scope` reads the column of `from`: each answer in `yes` must be an item of its `codes`"
            )
        return self

    @property
    def lists_scopes(self) -> bool:
        """Whether the column with the answer is itself the list of scopes."""
        return self.scope is not None and self.scope.from_ == self.from_

    @property
    def read(self) -> Iterator[tuple[str, Header]]:
        """Every column that consent is read from, by its key under `consent.research`."""
        yield "from", self.from_
        if self.scope is not None:
            if self.scope.from_ is not None and not self.lists_scopes:
                yield "scope.from", self.scope.from_
            for scope, header in self.scope.columns.items():
                if header != self.from_ or scope != RESEARCH:
                    yield f"scope.columns.{scope}", header
        if self.withdrawn is not None:
            yield "withdrawn", self.withdrawn
        for name in ("given_on", "withdrawn_on", "form_versions", "guardian"):
            part = getattr(self, name)
            if part is not None:
                yield f"{name}.from", part.from_


class Consents(Strict):
    """Consent by purpose; only research is used by Counterflow."""

    research: Consent
    """Consent to research: without it a case is counted and left where it is."""


def _explicit(words: list[str], key: str) -> None:
    if not words or "" in map(fold, words):
        raise ValueError(f"a blank is no consent: `{key}` needs words")


def _apart(**lists: list[str]) -> None:
    held: dict[str, list[str]] = {}
    for key, words in lists.items():
        for word in {fold(word): word for word in words}.values():
            held.setdefault(word, []).append(key)
    _once(held)


def _once(held: dict[str, list[str]]) -> None:
    """No answer means two things, however it is written."""
    found: dict[str, tuple[str, str]] = {}
    for word, keys in held.items():
        for key in keys:
            _, before = found.setdefault(fold(word), (word, key))
            if before != key:
                raise ValueError(
                    f"the same answer stands in `{before}` and in `{key}`: `{word}`; take it out of one of them"
                )
