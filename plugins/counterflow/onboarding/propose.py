"""What each column of a sample is, as a proposal with its confidence and reason.

In: a `Sample`, the lexicon, the night. Out: `TablePlan`s: which canonical table each table of the
sample fills, its key, and a `Choice` for every column. A column that is not understood is left to a
person; one that looks personal is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from counterflow.canonical import TABLES, Field, Kind
from counterflow.columns import Cells, Places
from counterflow.onboarding.codes import CodesFit, fit_codes
from counterflow.onboarding.lexicon import Lexicon, Named, Role
from counterflow.onboarding.sample import Sample, SampleTable
from counterflow.onboarding.shapes import Profile, profile
from counterflow.text import case_number, fold, plain

_TAKEN = 0.5  # confidence from which a proposal stands in the draft
_FLAT = tuple(t for t in TABLES if t not in ("case", "local_attribute"))
_SPECIFIC = [
    "means_of_control",
    "exploitation_type",
    "labour_sector",
    "recruitment_method",
    "recruiter_relationship",
    "service_type",
    "vulnerability_factor",
    "trafficking_status",
    "case_status",
    "marital_status",
    "highest_level_of_education",
    "perpetrator_role",
    "sexual_exploitation_form",
    "assistance_status",
    "organisation_type",
    "gender",
    "country",
]


@dataclass(slots=True)
class Choice:
    """What one column is proposed to be. `role` is None where a person must decide."""

    place: int
    name: str
    profile: Profile
    role: Role | None = None
    confidence: float = 0.0
    reason: str = ""
    fit: CodesFit | None = None
    alternatives: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TablePlan:
    """One table of the sample, and the canonical table it mainly holds (None: it is not read)."""

    source: SampleTable
    canonical: str | None
    key: int | None
    choices: list[Choice]
    reason: str = ""

    def of(self, kind: str) -> list[Choice]:
        """The columns with a kind of role."""
        return [c for c in self.choices if c.role is not None and c.role.kind == kind]


def propose(sample: Sample, lexicon: Lexicon, night: date) -> list[TablePlan]:
    """A plan for each table of the sample; the case table first."""
    tables = sample.tables
    case = max(tables, key=lambda t: _case_score(t, lexicon), default=None)
    if case is None:
        return []
    key = _case_key(case, lexicon)
    numbers = _numbers(case.columns[key]) if key is not None else frozenset()
    plans = [_plan(case, "case", key, lexicon, night, ())]
    flat = {c.role.table for c in plans[0].choices if c.role and c.confidence > 0.85}
    taken = {"case"}
    others = [t for t in tables if t is not case]
    scored: list[tuple[float, str, SampleTable, int | None]] = []
    for table in others:
        own_key = _child_key(table, numbers, lexicon)
        if own_key is None and not _nested(table, case, sample):
            plans.append(TablePlan(table, None, None, [], "no column holds numbers of cases"))
            continue
        profiles = _profiles(table, own_key, lexicon, night, ())
        for name in _FLAT:
            score = _table_score(table, name, profiles, own_key, lexicon, name in flat)
            scored.append((score, name, table, own_key))
    done: set[int] = set()
    for score, name, table, own_key in sorted(scored, key=lambda s: -s[0]):
        if id(table) in done or name in taken:
            continue
        if score < 0.9:
            plans.append(TablePlan(table, None, own_key, [], "what it holds is not understood"))
        else:
            taken.add(name)
            plans.append(_plan(table, name, own_key, lexicon, night, ()))
        done.add(id(table))
    for table in others:
        if not any(p.source is table for p in plans):
            plans.append(TablePlan(table, None, None, [], "another file holds the same"))
    _flat_tables(plans, taken)
    _one_consent(plans[0])
    return plans


# --- tables and keys -----------------------------------------------------------------------------


def _case_score(table: SampleTable, lexicon: Lexicon) -> float:
    """How much a table looks like that of cases: consent, birth and many columns."""
    score = 0.05 * len(table.labels)
    for place in range(len(table.labels)):
        roles = lexicon.roles(table.labels[place], _technical(table, place))
        kinds = {n.role.kind for n in roles if n.score > 0.8}
        score += 2 * ("consent" in kinds) + ("birth" in kinds)
        score += 0.5 * any(n.role.table in ("case", "citizenship") for n in roles)
    return score


def _technical(table: SampleTable, place: int) -> str | None:
    return table.technical[place] if table.technical else None


def _numbers(cells: Cells) -> frozenset[str]:
    return frozenset(case_number(v) for v in cells.values if v)


def _case_key(table: SampleTable, lexicon: Lexicon) -> int | None:
    """The column that tells the cases apart: called so, and nearly every value once."""
    best, most = None, 0.6
    for place, cells in enumerate(table.columns):
        counts = np.bincount(cells.places, minlength=len(cells.values))
        filled = [(v, n) for v, n in zip(cells.values, counts.tolist(), strict=True) if v and n]
        rows = sum(n for _, n in filled)
        if not rows:
            continue
        unique = len(filled) / rows
        named = max(
            (n.score for n in _named(table, place, lexicon) if n.role.kind == "key"), default=0.0
        )
        other = any(n.score > 0.8 and n.role.kind != "key" for n in _named(table, place, lexicon))
        short = max(len(v) for v, _ in filled) <= 32 and any(
            any(c.isdecimal() for c in v) for v, _ in filled[:50]
        )
        score = unique * (0.35 + 0.65 * named) * (1.0 if short else 0.4) - 0.3 * (
            other and not named
        )
        if (named and score > most) or (
            not named
            and not other
            and unique == 1
            and short
            and most <= 0.6
            and best is None
            and score > 0.3
            and not _is_counter(cells)
        ):
            best, most = place, max(score, most if not named else score)
    return best


def _is_counter(cells: Cells) -> bool:
    numbers = [cells.values[p] for p in cells.places[:20]]
    return numbers == [str(i + 1) for i in range(len(numbers))]


def _named(table: SampleTable, place: int, lexicon: Lexicon) -> list[Named]:
    return lexicon.roles(table.labels[place], _technical(table, place))


def _child_key(table: SampleTable, numbers: frozenset[str], lexicon: Lexicon) -> int | None:
    """The column whose values are the case table's numbers."""
    best, most = None, 0.5
    for place, cells in enumerate(table.columns):
        own = _numbers(cells)
        if not own:
            continue
        share = len(own & numbers) / len(own)
        named = any(n.role.kind == "key" for n in _named(table, place, lexicon))
        score = share * (1.0 if named else 0.8) * min(1.0, 0.5 + len(own) / 20)
        if score > most:
            best, most = place, score
    return best


def _nested(table: SampleTable, case: SampleTable, sample: Sample) -> bool:
    """Records inside the records of cases name their case by where they stand."""
    return sample.format == "json" and (not case.place or table.place.startswith(f"{case.place}."))


def _table_score(
    table: SampleTable,
    name: str,
    profiles: Sequence[Profile],
    key: int | None,
    lexicon: Lexicon,
    told: bool,
) -> float:
    """How much a table is a canonical one: its file's name, its columns, its item.

    `told`: the case's own row fills that table already; then only its name or its item speak for it.
    """
    place = table.place if re.search(r"\.\w{2,4}$", table.place) else table.place.rpartition(".")[2]
    by_name = name in lexicon.files.get(plain(re.sub(r"\.\w{2,4}$", "", place)), ())
    score, has_item = 0.5 * by_name, False
    for found in profiles:
        options = list(_options(found, name, lexicon, own=True)) if found.place != key else []
        if not options:
            continue
        best = max(options, key=lambda o: o.confidence)
        item = best.role.name == TABLES[name].item
        if best.by_values and (not item or name == "citizenship"):
            continue  # a country or a gender may stand in any table
        score += best.confidence * (1.5 if item and name != "citizenship" else 0.8)
        has_item |= item and best.confidence > 0.6
    return score if by_name or has_item or not told else 0.0


def _flat_tables(plans: list[TablePlan], taken: set[str]) -> None:
    """A table that has rows of its own is not filled from the case's row too."""
    own = {p.canonical for p in plans if p.canonical}
    for choice in plans[0].choices:
        role = choice.role
        if role is not None and role.table in own - {"case"} and role.kind in ("field", "each"):
            choice.role = None
            choice.alternatives.insert(0, f"{role}, but that table has rows of its own")
    taken |= own


def _one_consent(case: TablePlan) -> None:
    for kind in ("consent", "withdrawn"):
        found = sorted(case.of(kind), key=lambda c: -c.confidence)
        for choice in found[1:]:
            choice.role = None
            choice.alternatives.insert(0, f"also called like {kind}")


# --- columns -------------------------------------------------------------------------------------


def _profiles(
    table: SampleTable,
    key: int | None,
    lexicon: Lexicon,
    night: date,
    languages: Sequence[str],
) -> list[Profile]:
    owners: Places = (
        table.columns[key].places if key is not None else np.arange(table.rows, dtype=np.int64)
    )
    return [
        profile(
            place,
            (table.name(place), _technical(table, place)),
            cells,
            owners,
            lexicon,
            night,
            languages,
        )
        for place, cells in enumerate(table.columns)
    ]


def _plan(
    table: SampleTable,
    canonical: str,
    key: int | None,
    lexicon: Lexicon,
    night: date,
    languages: Sequence[str],
) -> TablePlan:
    profiles = _profiles(table, key, lexicon, night, languages)
    choices = [Choice(p.place, table.name(p.place), p) for p in profiles]
    options: list[tuple[float, Choice, Option]] = []
    for choice in choices:
        if choice.place == key:
            choice.role, choice.confidence = Role("key"), 0.9
            choice.reason = (
                "its values tell the cases apart"
                if canonical == "case"
                else ("its values are numbers of the case table")
            )
            continue
        if choice.profile.kind == "counter":
            choice.role, choice.confidence = Role("ignore", "", "a printed row number"), 0.95
            choice.reason = choice.profile.detail
            continue
        own = sorted(
            _options(choice.profile, canonical, lexicon, own=canonical != "case"),
            key=lambda o: -o.confidence,
        )
        options += [(option.confidence, choice, option) for option in own]
        choice.alternatives = [
            f"{o.role} ({o.confidence:.0%}: {o.reason})" for o in own[:3] if o.role is not None
        ]
    used: set[Role] = set()
    for confidence, choice, option in sorted(options, key=lambda o: -o[0]):
        single = option.role.kind not in ("personal", "notes", "ignore", "each")
        if choice.role is not None or confidence < _TAKEN or (single and option.role in used):
            continue
        choice.role, choice.confidence = option.role, confidence
        choice.reason, choice.fit = option.reason, option.fit
        choice.decisions = list(option.decisions)
        choice.alternatives = choice.alternatives[1:]
        used.add(option.role)
    for choice in choices:
        _fallback(choice)
    return TablePlan(table, canonical, key, choices)


def _fallback(choice: Choice) -> None:
    """Personal if it looks so; else left to a person."""
    if choice.role is not None:
        return
    if choice.profile.personal is not None:
        choice.role = Role("notes" if "free text" in choice.profile.personal else "personal")
        choice.confidence, choice.reason = 0.7, choice.profile.personal
    elif choice.profile.kind in ("text", "key"):
        choice.role, choice.confidence = Role("personal"), 0.5
        choice.reason = "texts that hardly repeat"


@dataclass(slots=True)
class Option:
    """One role that a column could have."""

    role: Role
    confidence: float
    reason: str
    fit: CodesFit | None = None
    decisions: tuple[str, ...] = ()
    by_values: bool = False


def _options(found: Profile, canonical: str, lexicon: Lexicon, own: bool) -> Iterator[Option]:
    """The roles a column could have: by its name checked against its values, then by values alone."""
    named = lexicon.roles(found.name, found.technical)
    seen: set[Role] = set()
    for one in named:
        role = _placed(one.role, canonical, own, found)
        if role is None or role in seen:
            continue
        option = _judged(found, role, one, lexicon)
        if option is not None:
            seen.add(role)
            yield option
    if found.kind in ("codes", "list", "constant") and found.personal is None:
        yield from _by_values(found, canonical, lexicon, own, seen)


def _placed(role: Role, canonical: str, own: bool, found: Profile) -> Role | None:
    """The role as it can be had in this table: `sex` of a perpetrator's file is the perpetrator's."""
    if role.kind in ("key", "merged"):
        return None
    if role.kind in ("consent", "withdrawn"):
        return role if canonical == "case" else None
    if role.kind in ("personal", "notes", "ignore"):
        return role
    if role.kind == "birth":
        return role if canonical == "case" else Role("personal")
    if own:
        if role.table == canonical:
            return role
        names = {f.name for f in TABLES[canonical].fields}
        moved = {"country_of_exploitation": "country", "case_status": "status"}
        name = role.name if role.name in names else moved.get(role.name, "")
        return Role("field", canonical, name) if role.kind == "field" and name in names else None
    del found
    if role.table == "case" or role.kind in ("each", "group"):
        return role
    if role.table in ("perpetrator", "route_leg", "event", "screening", "referral"):
        return None  # a row of the case has no place for them but in groups
    if role.table == "recruitment":
        return role
    if role.name in (
        "country",
        "start_year",
        "answer",
        "status",
        "started_on",
        "ended_on",
        "level",
    ):
        return None
    return role


def _judged(found: Profile, role: Role, named: Named, lexicon: Lexicon) -> Option | None:
    """A role that the name suggests, as far as the values bear it out."""
    score, reason = named.score, named.reason
    if role.kind in ("personal", "notes"):
        # a name of two meanings (place of exploitation, title): what it holds decides
        return Option(role, score * (0.95 if found.filled else 0.9), reason)
    if role.kind == "ignore":
        return Option(role, score * 0.7, reason)
    if role.kind == "withdrawn":
        fits = found.kind in ("date", "blank", "personal") or found.share < 0.5
        return Option(role, score * (1.0 if fits else 0.5), reason)
    if found.kind == "blank":
        return Option(role, 0.4, f"{reason}; blank in the whole sample")
    if role.kind == "consent":
        fit = fit_codes(found, "answer", lexicon, several=False)
        return Option(role, score * (0.7 + 0.3 * fit.share), reason, fit)
    if role.kind == "birth":
        dated = found.dates is not None and not found.dates.only_years
        if dated:
            doubts = tuple(found.dates.doubts if found.dates else ())
            return Option(
                role, score, f"{reason}; {found.dates.reason if found.dates else ''}", None, doubts
            )
        return Option(
            Role("personal"), score * 0.9, f"{reason}, but its cells are no dates we can read"
        )
    if role.kind == "each":
        fit = fit_codes(found, "answer", lexicon, several=False)
        return Option(role, score * (0.2 + 0.8 * fit.share), f"{reason}; {fit.reason}", fit)
    try:
        return _field(found, role, _field_of(role), score, reason, lexicon)
    except KeyError:
        return None


def _field_of(role: Role) -> Field:
    table = TABLES[role.table]
    if role.kind == "group":
        one = role.name.partition(":")[2]
        return table.field(one or table.item or "")
    return table.field(role.name)


def _field(
    found: Profile, role: Role, canonical: Field, score: float, reason: str, lexicon: Lexicon
) -> Option | None:
    """A field by its name, weighed with how its cells read."""
    match canonical.kind:
        case Kind.MONTH | Kind.YEAR:
            shape = found.dates
            if shape is None or (canonical.kind is Kind.MONTH and shape.only_years):
                return Option(
                    role, 0.3 * score, f"{reason}, but its cells are no dates we can read"
                )
            return Option(role, score, f"{reason}; {shape.reason}", None, shape.doubts)
        case Kind.NUMBER:
            fits = found.kind in ("number", "codes", "counter", "constant")
            return Option(role, score * (0.95 if fits else 0.3), reason)
        case Kind.BAND:
            return _band(found, role, canonical, score, reason, lexicon)
        case _:
            several = canonical.name == TABLES[role.table].item
            fit = fit_codes(found, canonical.code_list or "", lexicon, several)
            shown = sum(n for _, n in found.shown)
            floor = 0.45 if shown and score > 0.9 else 0.35
            confidence = score * (floor + (1 - floor) * fit.share)
            return Option(role, confidence, f"{reason}; {fit.reason}", fit)


def _band(
    found: Profile, role: Role, canonical: Field, score: float, reason: str, lexicon: Lexicon
) -> Option:
    fit = fit_codes(found, canonical.code_list or "", lexicon, several=False)
    numbers = found.kind in ("number", "decimal") or found.detail.startswith("numbers")
    if fit.share > 0.8 and found.kind not in ("number", "decimal"):
        return Option(role, score * fit.share, f"{reason}; {fit.reason}", fit)
    if numbers:
        doubts: tuple[str, ...] = ()
        if canonical.name == "duration_band":
            doubts = ("is the number one of months or of years? months is proposed",)
        return Option(role, score, f"{reason}; its cells are numbers", None, doubts)
    if found.dates is not None:
        return Option(Role("birth", "case", "age_band"), 0.4 * score, reason)
    return Option(role, score * (0.35 + 0.5 * fit.share), f"{reason}; {fit.reason}", fit)


def _by_values(
    found: Profile, canonical: str, lexicon: Lexicon, own: bool, seen: set[Role]
) -> Iterator[Option]:
    """Fields whose list explains the values, whatever the column is called."""
    answers = [fold(v) for v in found.values if not lexicon.is_missing(v)]
    if all(re.fullmatch(r"\w{1,2}|\w?-?\d+", answer) for answer in answers):
        return  # numbers and letters mean nothing by themselves
    tables = (canonical,) if own else ("case", *_FLAT)
    for name in tables:
        for one in TABLES[name].fields:
            role = _placed(Role("field", name, one.name), canonical, own, found)
            if role is None or role in seen or one.code_list not in _SPECIFIC:
                continue
            fit = fit_codes(found, one.code_list, lexicon, one.name == TABLES[name].item)
            if fit.share < 0.8:
                continue
            common = one.code_list in ("gender", "country", "organisation_type")
            base = (0.6 if own else 0.4) if common else 0.65
            reason = f"by its values alone: {fit.reason}"
            yield Option(role, base * fit.share, reason, fit, by_values=True)
