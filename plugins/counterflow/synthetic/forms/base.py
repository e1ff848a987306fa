"""What every form shares: a form is columns, each a header and how a case fills its cell.

In: a mission and its variation. Out: `Form`, which turns a `Case` into lines of its export's
sources, and says what it asks, for the truth. Dialects subclass nothing; they build a `Form`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from counterflow.synthetic.calendars import ethiopic, local, year_beginning
from counterflow.synthetic.calibration import AGE_BANDS
from counterflow.synthetic.model import Case
from counterflow.synthetic.words import words

Cell = Any  # text, number, date or None: what the writer of the format can hold
Fill = Callable[["Form", Case, Any], Cell]
Pick = Callable[[Case], Iterable[str]]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Numbers that may be written with a fraction; it is rounded down.
DECIMAL = frozenset({"case.age_band", "case.duration_band", "case.age_band_when_trafficked"})
LEAST = 24  # characters of a column of fixed width: an unknown code fits too
UNCLEAR_CONSENT = 0.2  # of unknown consents: something is written, but neither yes nor no
DRIFT = 0.05  # share of cells whose capitals differ from the list

NO_LEVEL = "not_asked"  # level of a factor on a form that does not tell levels apart
# Where the canonical field and the attribute of the part have different names.
ATTRIBUTES = {
    "referral.referred_on": "referred", "referral.organisation_type": "organisation",
    "referral.organisation_country": "country", "screening.decided_on": "decided",
    "perpetrator.role": "roles", "perpetrator.age_band": "age",
    "route_leg.from_country": "origin", "route_leg.to_country": "destination",
}  # fmt: skip

BASIS_KEYS = {"screening": "country_screening", "registration": "country_registration"}


@dataclass(frozen=True, slots=True)
class Local:
    """A closed question that only one mission asks. `name` is agreed with headquarters."""

    name: str
    header: str
    question: str
    codes: Mapping[str, str]  # canonical to local


@dataclass(frozen=True, slots=True)
class Variation:
    """How one mission departs from the form it shares with others."""

    rename: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""
    missing: tuple[str, ...] = ()
    basis: str = ""
    local: tuple[Local, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mission:
    """One synthetic mission: its form, how it is encoded, and its share of 16,000 cases."""

    code: str
    form: str
    encoding: str
    weight: float
    variation: Variation = Variation()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source. `codes` names the list in `Form.lists`; `role` says what it holds."""

    header: str
    fill: Fill
    field: str = ""  # canonical `table.field` it feeds, for the notes and the defects
    codes: str = ""
    role: str = "field"  # field, key, personal, ignored, consent, merged
    technical: str = ""  # hidden first row of the official template
    group: str = ""  # the group of columns it belongs to: `outgoing` of referral
    many: bool = False  # several codes may stand in one cell
    also: str = ""  # a second field that it feeds


@dataclass(slots=True)
class Form:
    """One mission's form: sources with their columns, lists of codes, and what is asked."""

    mission: Mission
    name: str
    language: str
    kind: str  # csv, fixed, zip, xlsx, xls, ods, json
    path: str  # with strftime fields for the night
    sources: dict[str, list[Column]]
    lists: dict[str, dict[str, str]]
    countries: dict[str, str]
    asked: frozenset[str]  # fields of the case table and of others, as `table.field`
    date_format: str
    missing: tuple[str, ...] = ("",)
    delimiter: str = ","
    basis: str = "last_exploitation"
    basis_by_case: bool = False  # a column says the basis
    v1_until: date | None = None
    v1_lacks: frozenset[str] = frozenset()
    control_items: tuple[str, ...] = ()
    control_v1_lacks: frozenset[str] = frozenset()
    control_mode: str = "chosen"  # chosen, each
    control_not_chosen: str = "unknown"
    factor_items: tuple[tuple[str, str], ...] = ()  # factor and level, in the order of the form
    factor_mode: str = "chosen"
    factor_not_chosen: str = "unknown"
    exploitation_not_chosen: str = "no"
    flat_exploitation: bool = False  # types and sectors are two lists of one row
    services_flat: tuple[str, ...] = ()  # statuses that have a list column of their own
    flat_referrals: bool = False  # room for one referral in and one out
    decided_by: tuple[str, ...] = ()  # organisations that have columns of their own
    last_screening_only: bool = False  # one column says who decided the status
    perpetrator_places: int = 0  # perpetrators that the row of a case has room for
    files: dict[str, str] = field(default_factory=dict)  # source to file name, in a zip
    joiner: str = "; "
    macro_drops_substrings: bool = False
    pre_numbered: int = 0
    number_style: str = "{index}"
    age_kind: str = "birth"  # birth, years, band
    notes: list[str] = field(default_factory=list)
    digits: str = ""  # ten local digits, used in numbers now and then; or `ethiopic`
    digits_in_dates: bool = False
    calendar: str = "gregorian"
    months: tuple[str, ...] = ()  # names that %b stands for, where they are not English
    decimal: str = ""  # the mark in ages and durations that are not whole
    sheet: str = "Cases"
    preamble: str = ""  # a sentence above the header
    accents_lost: bool = False  # every letter outside ASCII became `?`
    one_choice: bool = False  # a cell holds one value, whatever was said
    leg_places: int = 0  # legs of a route that the row of a case has room for
    real_dates: bool = False  # the workbook holds dates as dates
    many_methods: bool = True
    renews: bool = False  # a consent dated after the withdrawal renews it
    drifting: frozenset[str] = frozenset()  # fields whose capitals drift
    bands: dict[str, tuple[str, ...]] = field(default_factory=dict)  # age band to its spellings
    fed: frozenset[str] = frozenset()  # every `table.field` that a column feeds

    def settle(self) -> None:
        """Note what the columns feed, once they are final."""
        columns = [column for held in self.sources.values() for column in held]
        self.fed = frozenset({c.field for c in columns} | {c.also for c in columns})

    @property
    def has_technical_row(self) -> bool:
        """Whether a row of technical names stands above the labels."""
        return any(column.technical for column in self.sources["case"])

    def takes(self, table: str, group: str) -> bool:
        """Whether the form has rows of the table, or a group of columns for it."""
        return table in self.sources or any(
            c.group == group and c.field.startswith(f"{table}.") for c in self.sources["case"]
        )

    def fills(self, *fills: Fill) -> bool:
        """Whether one of these fills a column."""
        return any(c.fill in fills for columns in self.sources.values() for c in columns)

    @property
    def takes_withdrawal(self) -> bool:
        """Whether a column holds the day on which consent was withdrawn."""
        return self.fills(withdrawn)

    def version(self, registered: date) -> str:
        """The version of the form in force on a day."""
        return "v1" if self.v1_until and registered <= self.v1_until else "v2"

    def asks(self, name: str, version: str = "") -> bool:
        """Whether `table.field` stands on that version of the form."""
        known = name in self.asked or name in self.fed
        return known and not (version == "v1" and name in self.v1_lacks)

    def control_asked(self, version: str) -> list[str]:
        """Means of control on that version of the form."""
        lacking = self.control_v1_lacks if version == "v1" else frozenset()
        return [item for item in self.control_items if item not in lacking]

    def absent(self, case: Case) -> str:
        """One of the form's ways not to answer."""
        return self.missing[int(case.rng.random() * len(self.missing))]

    def code(self, case: Case, holder: Any, name: str, value: str | None, codes: str) -> Cell:
        """The cell of a coded field."""
        if name in holder.bad:
            return holder.bad[name]
        if case.version == "v1" and name in self.v1_lacks and name not in case.beyond:
            return ""
        if value is None:
            return self.absent(case)
        text = self.lists[codes][value]
        if name in self.drifting and case.rng.random() < DRIFT:
            return text.capitalize() if case.rng.random() < 0.7 else text.lower()
        return text

    def country(self, case: Case, holder: Any, name: str, value: str | None) -> Cell:
        """The cell of a country."""
        if name in holder.bad:
            return holder.bad[name]
        return self.absent(case) if value is None else self.countries[value]

    def join(self, case: Case, name: str, items: Iterable[str], holder: Any = None) -> Cell:
        """The cell of a list of local codes; an unmapped one may be among them."""
        picked = list(items)
        bad = (holder or case).bad
        if name in bad:
            picked = [bad[name]] if self.one_choice else [*picked, bad[name]]
        if self.kind == "json":
            return picked
        return self.joiner.join(picked) if picked else self.absent(case)

    def day(self, case: Case, holder: Any, name: str, value: date | None) -> Cell:
        """The cell of a date."""
        if name in holder.bad:
            return holder.bad[name]
        if value is None:
            return "" if self.real_dates else self.absent(case)
        return value if self.real_dates else self.write_day(value)

    def write_day(self, value: date) -> str:
        """A date as the form writes it."""
        return self.write_date(*local(self.calendar, value))

    def write_date(self, year: int, month: int, day: int) -> str:
        """Year, month and day of the form's calendar, whether or not there is such a day."""
        text = self.date_format.replace("%d", f"{day:02d}").replace("%m", f"{month:02d}")
        text = text.replace("%b", (self.months or MONTHS)[month - 1])
        return self.in_digits(text.replace("%Y", f"{year:04d}"), self.digits_in_dates)

    def in_digits(self, text: str, wanted: bool) -> str:
        """The text in local digits, if wanted."""
        if not wanted or not self.digits:
            return text
        if self.digits == "ethiopic":
            return ethiopic(int(text)) if text.isdigit() else text
        return text.translate(str.maketrans("0123456789", self.digits))

    def number(self, case: Case, holder: Any, name: str, value: int | None) -> Cell:
        """The cell of a number, now and then in local digits."""
        if name in holder.bad:
            return holder.bad[name]
        if case.version == "v1" and name in self.v1_lacks:
            return ""
        if value is None:
            return self.absent(case)
        text = str(value)
        if self.decimal and name in DECIMAL and case.rng.random() < 0.4:
            text += self.decimal + case.rng.choice(("0", "25", "5", "75"))
        return self.in_digits(text, bool(self.digits) and case.rng.random() < 0.5)

    def lines(self, case: Case) -> Iterator[tuple[str, list[Cell], str]]:
        """Source, cells and own rule of each line that the case has in the export."""
        for source, columns in self.sources.items():
            for part, rule in parts(self, case, source):
                yield source, [column.fill(self, case, part) for column in columns], rule


def layout(form: Form) -> list[tuple[Column, int]]:
    """The columns of a file of fixed width, each with its number of characters."""
    return [(column, max(_width(form, column), len(column.header))) for column in
            form.sources["case"]]  # fmt: skip


def _width(form: Form, column: Column) -> int:
    held = list(form.countries.values()) if column.codes == "countries" else []
    held += form.lists.get(column.codes, {}).values()
    if column.many and column.codes != "countries":
        return len(form.joiner.join(held)) + 4
    if column.role == "personal":
        return 48
    return max([LEAST, *map(len, held)]) * (1 + column.many)


def parts(form: Form, case: Case, source: str) -> Iterator[tuple[Any, str]]:
    """What one case puts into `source`, one entry a line, each with the rule it must break."""
    if source == "case":
        yield case, case.rule
    elif source == "control" and form.control_mode == "each":
        yield case, "control.answer_mapped" if "control.answer" in case.bad else ""
    elif source == "control":
        for item in form.control_asked(case.version):
            if case.control.get(item) == "yes":
                yield form.lists["means_of_control"][item], ""
        if "control.means_of_control" in case.bad:
            yield case.bad["control.means_of_control"], "control.means_of_control_mapped"
    elif source == "vulnerability":
        for asked in form.factor_items:
            yield asked, ""
    elif source == "online_platform":
        for purpose, platforms in case.platforms.items():
            for platform in platforms:
                yield (purpose, platform), ""
    elif source == "sexual_exploitation":
        for kind in case.sexual_forms:
            yield kind, ""
    else:
        children: dict[str, Sequence[Any]] = {
            "exploitation": case.exploitations,
            "route_leg": case.legs,
            "perpetrator": case.perpetrators,
            "assistance": case.services,
            "screening": case.screenings,
            "referral": case.referrals,
            "event": case.events,
        }
        for part in children[source]:
            yield part, part.bad.get("", "")


def band_of(age: int) -> str:
    """The band of an age in full years."""
    return next(band for band, (low, high) in AGE_BANDS.items() if low <= age <= high)


# Ready-made fillers.


def age_of(form: Form, case: Case, part: Any) -> Cell:
    """The age: a date of birth, full years, or a local band, as the form asks."""
    if form.age_kind == "birth":
        return form.day(case, case, "case.age_band", case.birth)
    if form.age_kind == "years":
        return form.number(case, case, "case.age_band", case.age)
    if "case.age_band" in case.bad or case.age is None:
        return form.number(case, case, "case.age_band", None)
    spellings = form.bands[band_of(case.age)]
    return spellings[0] if case.rng.random() < 0.8 else case.rng.choice(spellings)


def means_answer(item: str) -> Fill:
    """One means of control in a column of its own."""

    def fill(form: Form, case: Case, part: Any) -> Cell:
        if item not in case.control:
            return ""  # not on this version of the form
        if "control.answer" in case.bad and item == "physical_abuse":
            return case.bad["control.answer"]
        answer = case.control[item]
        if form.kind == "json":
            return None if answer is None else answer == "yes"
        return form.lists["control_answer"][answer] if answer else form.absent(case)

    return fill


def consent(form: Form, case: Case, part: Any) -> Cell:
    """The answer to the question on research; a withdrawn consent was once given."""
    given = {"withdrawn": "yes"}.get(case.consent, case.consent)
    if given == "unknown":
        return "?" if case.rng.random() < UNCLEAR_CONSENT else form.absent(case)
    return form.lists["consent"][given]


def withdrawn(form: Form, case: Case, part: Any) -> Cell:
    """The day a consent was withdrawn, else nothing."""
    if "consent.withdrawn_on" in case.bad:
        return case.bad["consent.withdrawn_on"]
    if case.withdrawn is None:
        return ""
    return case.withdrawn if form.real_dates else form.write_day(case.withdrawn)


def fixed(attribute: str) -> Fill:
    """A column nobody needs: personal or technical, the same for its kind."""

    def fill(form: Form, case: Case, part: Any) -> Cell:
        return personal(form, case, attribute)

    return fill


def personal(form: Form, case: Case, kind: str) -> Cell:
    """An obviously synthetic personal value, different from case to case."""
    said = words(form.language, "person")
    n = case.index
    if kind in ("surname", "name"):
        return f"{said[kind]} {n}"
    if kind == "phone":
        return f"+000 555 {n:06d}"
    if kind == "id_no":
        return f"ID{n * 7919 % 10**9:09d}"
    if kind == "address":
        return f"{said['street']} / {n}"
    if kind == "email":
        return f"case{n}@example.org"
    if kind == "worker":
        return f"{said['name']} W{n % 9}"
    if kind == "notes":
        return f"{said['note']} +000 556 {n:06d}" if n % 3 == 0 else ""
    if kind == "city":
        return said["surname"] + "-" + str(n % 12)
    if kind == "organisation":
        return f"{said['surname']} Centre {n % 7}"
    if kind == "row":
        return n
    if kind == "start":
        return f"{case.registered.isoformat()}T09:{n % 60:02d}:00.000+00:00"
    return ""


def of(name: str, attribute: str, codes: str) -> Fill:
    """A coded field: `attribute` of the part, written with the list `codes`."""
    return lambda form, case, part: form.code(case, part, name, getattr(part, attribute), codes)


def country_of(name: str, attribute: str) -> Fill:
    """A country field."""
    return lambda form, case, part: form.country(case, part, name, getattr(part, attribute))


def day_of(name: str, attribute: str) -> Fill:
    """A date field."""
    return lambda form, case, part: form.day(case, part, name, getattr(part, attribute))


def number_of(name: str, attribute: str) -> Fill:
    """A number field."""
    return lambda form, case, part: form.number(case, part, name, getattr(part, attribute))


def key(form: Form, case: Case, part: Any) -> Cell:
    """The case number."""
    return "" if "case.key" in case.bad and part is case else case.number


def merged_into(form: Form, case: Case, part: Any) -> Cell:
    """The number of the case that this record was merged into, mostly nothing."""
    return case.merged_into


def citizenship_list(form: Form, case: Case, part: Any) -> Cell:
    """All citizenships of the case in one cell."""
    listed = [form.countries[c] for c in case.citizenships]
    if form.macro_drops_substrings:
        listed = kept_by_macro(listed)
    return form.join(case, "citizenship.citizenship", listed)


def kept_by_macro(items: list[str]) -> list[str]:
    """The template's macro adds a value unless the cell already contains its text."""
    kept: list[str] = []
    for item in items:
        if item not in "; ".join(kept):
            kept.append(item)
    return kept


def chosen(name: str, codes: str, pick: Pick) -> Fill:
    """A multiple choice in one cell."""

    def fill(form: Form, case: Case, part: Any) -> Cell:
        return form.join(case, name, [form.lists[codes][item] for item in pick(case)])

    return fill


def listing(header: str, name: str, codes: str, pick: Pick, group: str = "", technical: str = "",
            placed: bool = False) -> Column:  # fmt: skip
    """A column that may hold several codes; `placed`: its bad value stands in another column."""
    fill = chosen("none" if placed else name, codes, pick)
    return Column(header, fill, name, codes, technical=technical, group=group, many=True)


def roles_of(form: Form, case: Case, person: Any) -> Cell:
    """The roles of a perpetrator in one cell."""
    said = [form.lists["perpetrator_role"][role] for role in person.roles]
    return form.join(case, "perpetrator.role", said, person)


def means_chosen(case: Case) -> list[str]:
    """Means of control answered yes."""
    return [item for item, answer in case.control.items() if answer == "yes"]


def factors_chosen(level: str = NO_LEVEL) -> Pick:
    """Factors of vulnerability answered yes, on one level."""
    return lambda case: [
        factor for (factor, on), answer in case.factors.items() if on == level and answer == "yes"
    ]


def platforms_of(purpose: str) -> Pick:
    """Websites and apps used for a purpose."""
    return lambda case: case.platforms.get(purpose, [])


def in_group(table: str, group: str, attribute: str, write: str, codes: str = "") -> Fill:
    """A field of the part of a case that a group of columns has room for.

    `write` is how: `code`, `country`, `day`, `number`, `year` (of the calendar) or `list`.
    """
    name = f"{table}.{attribute}"

    def fill(form: Form, case: Case, part: Any) -> Cell:
        held = grouped(case, table, group)
        holder = case if held is None else held
        value = None if held is None else getattr(held, ATTRIBUTES.get(name, attribute))
        if name in case.bad:
            holder = case
        if write == "code":
            return form.code(case, holder, name, value, codes)
        if write == "list":
            return form.join(case, name, [form.lists[codes][v] for v in value or []])
        if write == "country":
            return form.country(case, holder, name, value)
        if write == "day":
            return form.day(case, holder, name, value)
        if write == "year" and value is not None:
            value = year_beginning(form.calendar, value)
        return form.number(case, holder, name, value)

    return fill


def grouped(case: Case, table: str, group: str) -> Any:
    """The first referral in that direction, the decision by that organisation, the leg or the
    perpetrator of that number.
    """
    if table == "referral":
        return next((r for r in case.referrals if r.direction == group), None)
    if table == "screening":
        return next((s for s in case.screenings if s.decided_by == group), None)
    numbered = case.legs if table == "route_leg" else case.perpetrators
    return next((p for p in numbered if str(p.number) == group), None)


def types_chosen(case: Case) -> list[str]:
    """Types of exploitation, each once, in the order of the case."""
    return list(dict.fromkeys(e.type for e in case.exploitations if e.type))


def sectors_chosen(case: Case) -> list[str]:
    """Labour sectors, each once."""
    return list(dict.fromkeys(e.sector for e in case.exploitations if e.sector))


def local_columns(mission: Mission) -> list[Column]:
    """The columns of the mission's own questions."""

    def filler(question: Local) -> Fill:
        def fill(form: Form, case: Case, part: Any) -> Cell:
            answer = case.local.get(question.name)
            return "" if answer is None else question.codes[answer]

        return fill

    return [
        Column(q.header, filler(q), f"local_attribute.{q.name}", f"local.{q.name}")
        for q in mission.variation.local
    ]
