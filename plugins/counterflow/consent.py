"""The consent gate: the consent columns of the case rows in, why each row is withheld out.

Research needs an explicit yes in its scope, on a form that asked for it, of a guardian too where a
minor is concerned, and no withdrawal. Unknown is not consent (law 6). Each column can only add to
what speaks against a row; one thing alone takes something back, a renewal that the contract knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import get_args

import numpy as np
import numpy.typing as npt

from counterflow.columns import Cells, Mask
from counterflow.contracts.consents import RESEARCH, Consent, ConsentDate, Guardian, Scope, Scopes
from counterflow.contracts.model import Column, Header
from counterflow.depersonalise import code_token, length_class
from counterflow.fields import FieldReader
from counterflow.sources.headers import Columns
from counterflow.text import fold
from counterflow.values import split_list

GIVEN = ""
REASONS = (
    "no_consent",
    "consent_unknown",
    "consent_withdrawn",
    "consent_out_of_scope",
    "consent_contradictory",
    "no_guardian_consent",
    "erased",
)
# Where several hold, the first of these is counted: what a person said before what was never said.
ORDER = (
    "erased",
    "no_consent",
    "consent_contradictory",
    "consent_withdrawn",
    "consent_out_of_scope",
    "no_guardian_consent",
    "consent_unknown",
)
SILENCE = "consent_unknown"  # the one reason that another record of the same person may outweigh

# What a signal of consent may be about: the closed list of its fields.
FIELDS = (
    *("consent.from", "consent.scope", "consent.given_on", "consent.withdrawn_on"),
    *("consent.form_versions", "consent.guardian"),
    *(f"consent.scope.{scope}" for scope in get_args(Scope)),
)

_NO, _CONTRADICTORY, _WITHDRAWN, _OUT_OF_SCOPE, _NO_GUARDIAN, _UNKNOWN = (
    1 << number for number in range(1, len(ORDER))
)
_NONE = 0
Lacks = npt.NDArray[np.uint8]  # per row or per distinct value: the reasons that hold, a bit each
Days = npt.NDArray[np.datetime64]
Minors = npt.NDArray[np.int8]
MINOR, OF_AGE, AGE_UNKNOWN = 1, 0, -1


def strongest(reasons: Iterable[str]) -> str:
    """The reason that is counted when several rows or records of one person are withheld."""
    return min((reason for reason in reasons if reason), key=ORDER.index, default=GIVEN)


def reasons(
    consent: Consent, source: Columns, reader: FieldReader, minors: Callable[[], Minors]
) -> npt.NDArray[np.object_]:
    """Per row of the case source: why it is withheld (one of REASONS), or `GIVEN`.

    `minors` tells per row MINOR, OF_AGE or AGE_UNKNOWN. Answers that the contract does not list are
    signalled by token, and days to come make `reader` ask for another reading.
    """
    judged = _Judged(consent, source, reader)
    lacks = judged.answer() | judged.scope() | judged.days() | judged.form()
    if consent.guardian is not None:
        lacks = lacks | judged.guardian(consent.guardian, minors())
    counted = np.array([_counted(bits) for bits in range(1 << len(ORDER))], object)
    found: npt.NDArray[np.object_] = counted[lacks]
    return found


def _counted(bits: int) -> str:
    return next((reason for n, reason in enumerate(ORDER) if bits >> n & 1), GIVEN)


class _Judged:
    """What each column of consent has against each row."""

    def __init__(self, consent: Consent, source: Columns, reader: FieldReader) -> None:
        self.consent, self.source, self.reader = consent, source, reader
        self.yes, self.no = _folded(consent.yes), _folded(consent.no)
        self.nothing = np.zeros(source.rows, np.uint8)

    def answer(self) -> Lacks:
        """The answer itself: yes, no, or none that the contract knows."""
        if self.consent.lists_scopes:
            return self.nothing  # the column is read as a list of scopes
        return self._answered("from", self.consent.from_, _NO)

    def scope(self) -> Lacks:
        """Whether what was agreed to covers research, and what else the contract needs."""
        scope = self.consent.scope
        if scope is None:
            return self.nothing
        return self._columns(scope) if scope.columns else self._listed(scope)

    def days(self) -> Lacks:
        """Withdrawals, by a filled column and by their day, and the days of consent."""
        consent = self.consent
        lacks, renewed = self.nothing.copy(), np.zeros(self.source.rows, np.bool_)
        given: Days = np.full(self.source.rows, np.datetime64("NaT", "D"))
        if consent.given_on is not None:
            given, filled, readable = self._days("given_on", consent.given_on, frozenset())
            late = readable & (given > np.datetime64(self.reader.night))
            lacks[(filled & ~readable) | late] |= _UNKNOWN
            renewed = readable & ~late
        if consent.withdrawn_on is not None:
            withdrawn, filled, _ = self._days("withdrawn_on", consent.withdrawn_on, self._still())
            after = ~np.isnat(given) & ~np.isnat(withdrawn) & (given > withdrawn)
            renewed &= after & consent.renews
            lacks[filled & ~renewed] |= _WITHDRAWN
            if not consent.renews:
                lacks[after] |= _CONTRADICTORY
        if consent.withdrawn is not None:
            still = self._still()
            cells = self.source.need(consent.withdrawn)
            lacks |= _of(cells, lambda v: _NONE if fold(v) in still else _WITHDRAWN)
        return lacks

    def form(self) -> Lacks:
        """Whether the form that was signed asked for consent to research."""
        versions = self.consent.form_versions
        if versions is None:
            return self.nothing
        known = dict.fromkeys(_folded(versions.covers), _NONE)
        known |= dict.fromkeys(_folded(versions.does_not_cover), _OUT_OF_SCOPE)
        return self._known("form_versions", versions.from_, known)

    def guardian(self, guardian: Guardian, minors: Minors) -> Lacks:
        """The guardian's answer: an explicit yes for a minor, no refusal for anybody.

        A person whose age is not known is a minor, unless the answer says otherwise.
        """
        refusing = dict.fromkeys(_folded(guardian.yes), _NONE)
        refusing |= dict.fromkeys(_folded(guardian.no), _NO_GUARDIAN)
        refusing |= dict.fromkeys(_folded(guardian.not_needed), _NONE)
        lacks = self._known("guardian", guardian.from_, refusing, blank=_NONE)
        cells = self.source.need(guardian.from_)
        yes = _folded(guardian.yes)
        allowed = _marked(cells, yes)
        excused = _marked(cells, yes | _folded(guardian.not_needed))
        lacks[(minors == MINOR) & ~allowed] |= _NO_GUARDIAN
        lacks[(minors == AGE_UNKNOWN) & ~excused] |= _NO_GUARDIAN
        return lacks

    def _columns(self, scope: Scopes) -> Lacks:
        """One column a scope. A yes to anything but research is no answer about research."""
        lacks, elsewhere = self.nothing.copy(), np.zeros(self.source.rows, np.bool_)
        asked = scope.columns.get(RESEARCH, self.consent.from_)
        research = _marked(self.source.need(asked), self.yes)
        for name, header in scope.columns.items():
            if name == RESEARCH:
                if header != self.consent.from_:
                    lacks |= self._answered(f"scope.{name}", header, _NO)
                continue
            needed = name in scope.also_needs
            known = dict.fromkeys(self.yes, _NONE)
            known |= dict.fromkeys(self.no, _OUT_OF_SCOPE if needed else _NONE)
            lacks |= self._known(
                f"scope.{name}", header, known, blank=_UNKNOWN if needed else _NONE
            )
            elsewhere |= _marked(self.source.need(header), self.yes)
        lacks[elsewhere & ~research] |= _OUT_OF_SCOPE
        return lacks

    def _listed(self, scope: Scopes) -> Lacks:
        """One cell with the scopes that were agreed to."""
        header = scope.from_ or self.consent.from_
        cells = self.source.need(header)
        means = {fold(word): code for word, code in scope.codes.items()}
        needed = {RESEARCH, *scope.also_needs}
        refusing = self.no if self.consent.lists_scopes else frozenset()
        known = frozenset(means) | refusing
        odd: dict[str, int] = {}
        rows = _counts(cells)

        def read(place: int, value: str) -> int:
            items = self._items(value, scope.many, known)
            chosen = {means[item] for item in items if item in means}
            if self.consent.lists_scopes and not self.yes & set(items):
                chosen -= {RESEARCH}  # of these items the contract says no yes
            lacks = _NO if "none" in chosen or refusing & set(items) else _NONE
            if chosen - {"none"} and not needed <= chosen:
                lacks |= _OUT_OF_SCOPE
            unknown = [item for item in items if item not in known]
            for item in unknown:
                odd[item] = odd.get(item, 0) + rows[place]
            if unknown or not chosen:
                lacks |= _UNKNOWN
            return lacks

        found = [read(place, value) for place, value in enumerate(cells.values)]
        self._signal("scope", odd)
        return np.array(found, np.uint8)[cells.places]

    def _items(self, value: str, many: str | None, known: frozenset[str]) -> list[str]:
        missing = self.reader.missing
        items = split_list(value, many, known | missing) if many else [fold(value)]
        return [item for item in items if item and (item in known or item not in missing)]

    def _answered(self, field: str, header: Header, refused: int) -> Lacks:
        known = dict.fromkeys(self.yes, _NONE) | dict.fromkeys(self.no, refused)
        return self._known(field, header, known)

    def _known(
        self, field: str, header: Header, known: Mapping[str, int], blank: int = _UNKNOWN
    ) -> Lacks:
        """A column of listed answers; any other one is signalled, and is unknown."""
        cells = self.source.need(header)
        missing, rows = self.reader.missing, _counts(cells)
        odd: dict[str, int] = {}
        for place, value in enumerate(cells.values):
            folded = fold(value)
            if folded and folded not in known and folded not in missing:
                odd[value] = rows[place]
        self._signal(field, odd)

        def read(value: str) -> int:
            folded = fold(value)
            if folded in known:
                return known[folded]
            return blank if not folded or folded in missing else _UNKNOWN

        return _of(cells, read)

    def _days(
        self, field: str, spec: ConsentDate, still: frozenset[str]
    ) -> tuple[Days, Mask, Mask]:
        """The day of each row, which cells are filled, and which of them can be read."""
        cells = self.source.need(spec.from_)
        column = Column.model_validate(
            {"from": spec.from_, "date": spec.date, "calendar": spec.calendar}
        )
        parsed = self.reader.days(column, cells)
        filled = [
            reading != "blank" and fold(value) not in still
            for value, (_, reading) in zip(cells.values, parsed, strict=True)
        ]
        days = [day if full else None for full, (day, _) in zip(filled, parsed, strict=True)]
        rows = _counts(cells)
        odd = {
            value: rows[place]
            for place, value in enumerate(cells.values)
            if filled[place] and days[place] is None
        }
        self._signal(field, odd)
        for day in days:
            if day is not None and day > self.reader.night:
                self.reader.read_again(day)
        found = np.array(days, "datetime64[D]")[cells.places]
        full = np.array(filled, np.bool_)[cells.places]
        return found, full, full & ~np.isnat(found)

    def _still(self) -> frozenset[str]:
        """What a column of withdrawal holds where nothing was withdrawn."""
        return self.reader.missing | _folded(self.consent.not_withdrawn) | {""}

    def _signal(self, field: str, odd: Mapping[str, int]) -> None:
        """Signal answers that the contract does not know: keyed tokens, never what was written."""
        name = f"consent.{field}"
        tokens: dict[tuple[str, str], int] = {}
        for value, rows in odd.items():
            token = code_token(self.reader.keys, "case", name, value)
            key = (token, length_class(value))
            tokens[key] = tokens.get(key, 0) + rows
        self.reader.signals.add_tokens("unmapped_consent", "case", name, tokens)


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold, words))


def _counts(cells: Cells) -> list[int]:
    counts: list[int] = np.bincount(cells.places, minlength=len(cells.values)).tolist()
    return counts


def _of(cells: Cells, lacks: Callable[[str], int]) -> Lacks:
    return np.array([lacks(value) for value in cells.values], np.uint8)[cells.places]


def _marked(cells: Cells, words: frozenset[str]) -> Mask:
    return np.array([fold(value) in words for value in cells.values], np.bool_)[cells.places]
