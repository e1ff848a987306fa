"""A register of one flat table in the mission's own language, script, calendar and digits.

A mission in, its `Form` out. One row a case; lists in cells; two legs of the route as groups of
columns. Formats differ: CSV, fixed width, `.xls`, `.xlsx`, `.ods`.
"""

from __future__ import annotations

from dataclasses import dataclass

from counterflow.synthetic import languages, standard
from counterflow.synthetic.countries import names
from counterflow.synthetic.forms.base import (
    BASIS_KEYS,
    Column,
    Form,
    Mission,
    Pick,
    age_of,
    citizenship_list,
    consent,
    country_of,
    day_of,
    fixed,
    in_group,
    key,
    listing,
    local_columns,
    means_chosen,
    number_of,
    of,
    sectors_chosen,
    types_chosen,
    withdrawn,
)
from counterflow.synthetic.forms.kobo import services
from counterflow.synthetic.words import words


@dataclass(frozen=True, slots=True)
class Register:
    """What differs between the languages."""

    kind: str
    path: str
    date_format: str
    joiner: str
    number_style: str
    delimiter: str = ","
    calendar: str = "gregorian"
    months: str = ""
    digits: str = ""
    digits_in_dates: bool = False
    decimal: str = ""
    age_kind: str = "birth"
    not_chosen: str = "unknown"
    preamble: bool = False
    accents_lost: bool = False
    lacks: str = ""  # means of control that are not on the form
    numbered: str = ""  # lists whose codes are numbers


REGISTERS = {
    "tr": Register("xls", "giden/dosyalar_%Y%m%d.xls", "%d.%m.%Y", "; ", "{yy:02d}/{index:04d}",
                   decimal=",", age_kind="years", preamble=True),
    "vi": Register("ods", "xuat/ho_so_%Y-%m-%d.ods", "%d/%m/%Y", "; ", "HS{index:05d}",
                   not_chosen="no"),
    "id": Register("csv", "keluar/kasus-%Y%m%d.csv", "%d %b %Y", ", ", "K-{index:04d}", ";",
                   months="Januari Februari Maret April Mei Juni Juli Agustus September Oktober "
                   "November Desember", decimal=",", age_kind="years", lacks="debt_bondage"),
    "pl": Register("fixed", "wyjscie/SPRAWY_%Y%m%d.TXT", "%Y-%m-%d", " ", "{index:04d}/{yy:02d}",
                   decimal=",", age_kind="years",
                   numbered="exploitation_type means_of_control service_type labour_sector"),
    "sq": Register("csv", "dalje/rastet_%d%m%Y.csv", "%d %b %Y", "; ", "R{index:05d}", ";",
                   months="janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor "
                   "dhjetor", accents_lost=True),
    "fa": Register("csv", "sadera/parwanda_%Y%m%d.csv", "%Y/%m/%d", "، ", "پ-{index:05d}",
                   calendar="solar_hijri", digits="۰۱۲۳۴۵۶۷۸۹", digits_in_dates=True),
    "am": Register("csv", "export/guday_%Y%m%d.csv", "%d %b %Y", "፣ ", "ET/{index:04d}",
                   calendar="ethiopian", digits="ethiopic", age_kind="years",
                   months="መስከረም ጥቅምት ኅዳር ታኅሣሥ ጥር የካቲት መጋቢት ሚያዝያ ግንቦት ሰኔ ሐምሌ ነሐሴ ጳጉሜን"),
    "hi": Register("xlsx", "niryat/prakaran_%Y%m%d.xlsx", "%d-%m-%Y", ", ", "IN{index:04d}",
                   digits="०१२३४५६७८९", digits_in_dates=True, age_kind="years", preamble=True,
                   lacks="debt_bondage"),
    "km": Register("csv", "export/samnum_%Y_%m_%d.csv", "%d %b %Y", "; ", "សរ-{index:04d}", "\t",
                   digits="០១២៣៤៥៦៧៨៩", digits_in_dates=True, preamble=True,
                   months="មករា កុម្ភៈ មីនា មេសា ឧសភា មិថុនា កក្កដា សីហា កញ្ញា តុលា វិច្ឆិកា ធ្នូ"),
}  # fmt: skip
PLACES = ("1", "2")  # legs of the route
WORDED = ("answer", "marital_status", "exploitation_type", "means_of_control", "service_type",
          "case_status", "recruiter_relationship")  # fmt: skip


def lists_of(language: str, numbered: list[str]) -> dict[str, dict[str, str]]:
    """The mission's own words; for some lists numbers."""
    lists = {name: dict(words(language, name)) for name in WORDED}
    lists["gender"] = dict(words(language, "sex"))
    lists["consent"] = lists["answer"]
    lists["education"] = standard.numbered("education", "", 0)
    lists["labour_sector"] = standard.sector_letters()
    lists["recruitment_method"] = standard.numbered("recruitment_method", "K")
    lists["language"] = languages.names(language)
    for name in numbered:
        lists[name] = {code: f"{n:02d}" for n, code in enumerate(lists[name], 1)}
    return lists


def build(mission: Mission) -> Form:
    """The form of a mission with a register of its own."""
    language = mission.form.rpartition("_")[2]
    own, head = REGISTERS[language], words(language, "header")
    lists = lists_of(language, own.numbered.split())
    lists["means_of_control"] = {
        code: word
        for code, word in lists["means_of_control"].items()
        if code not in own.lacks.split()
    }
    basis = mission.variation.basis or "last_exploitation"

    def code(name: str, field: str, attribute: str, codes: str) -> Column:
        return Column(head[name], of(field, attribute, codes), field, codes)

    def several(name: str, field: str, codes: str, pick: Pick) -> Column:
        return listing(head[name], field, codes, pick)

    def leg(name: str, place: str, attribute: str, write: str, codes: str = "") -> Column:
        fill = in_group("route_leg", place, attribute, write)
        return Column(f"{head[name]} {place}", fill, f"route_leg.{attribute}", codes, group=place)

    legs = [
        column
        for place in PLACES
        for column in (
            leg("from", place, "from_country", "country", "countries"),
            leg("to", place, "to_country", "country", "countries"),
            leg("year", place, "year", "year"),
        )
    ]
    age = "age" if own.age_kind == "years" else "birth"
    service = "assistance.service_type"
    columns = [
        Column(head["case_no"], key, role="key"),
        Column(head["reg_date"], day_of("case.registered_on", "registered"),
               "case.registered_on"),
        *(Column(head[n], fixed(n), role="personal") for n in ("surname", "name", "phone")),
        Column(head[age], age_of, "case.age_band"),
        code("sex", "case.gender", "gender", "gender"),
        Column(head["citizenship"], citizenship_list, "citizenship.citizenship", "countries",
               many=True),
        code("marital", "case.marital_status", "marital", "marital_status"),
        Column(head["children"], number_of("case.children_band", "children"),
               "case.children_band"),
        code("education", "case.education", "education", "education"),
        code("language", "case.primary_language", "primary_language", "language"),
        Column(head["residence"], country_of("case.country_of_residence", "residence"),
               "case.country_of_residence", "countries"),
        Column(head[BASIS_KEYS.get(basis, "country")],
               country_of("case.country_of_exploitation", "country"),
               "case.country_of_exploitation", "countries"),
        several("type", "exploitation.exploitation_type", "exploitation_type", types_chosen),
        several("sector", "exploitation.labour_sector", "labour_sector", sectors_chosen),
        several("means", "control.means_of_control", "means_of_control", means_chosen),
        several("channel", "recruitment.recruitment_method", "recruitment_method",
                lambda case: case.methods),
        code("relation", "recruitment.recruiter_relationship", "relationship",
             "recruiter_relationship"),
        Column(head["duration"], number_of("case.duration_band", "months"),
               "case.duration_band"),
        code("retrafficked", "case.is_retrafficked", "retrafficked", "answer"),
        listing(head["services"], service, "service_type", services("provided"), "provided"),
        listing(head["needs"], service, "service_type", services("needed"), "needed",
                placed=True),
        *legs,
        code("status", "case.case_status", "status", "case_status"),
        Column(head["consent"], consent, codes="consent", role="consent"),
        Column(head["withdrawn_on"], withdrawn, role="consent"),
        Column(head["notes"], fixed("notes"), role="personal"),
        *local_columns(mission),
    ]  # fmt: skip
    return Form(
        mission=mission,
        name=mission.form,
        language=language,
        kind=own.kind,
        path=own.path,
        sources={"case": columns},
        lists=lists,
        countries=names(language),
        asked=frozenset({"recruitment", "citizenship.many"}),
        date_format=own.date_format,
        missing=("", words(language, "missing")["unknown"], *mission.variation.missing),
        delimiter=own.delimiter,
        basis=basis,
        control_items=tuple(lists["means_of_control"]),
        control_not_chosen=own.not_chosen,
        flat_exploitation=True,
        services_flat=("provided", "needed"),
        joiner=own.joiner,
        number_style=own.number_style,
        age_kind=own.age_kind,
        calendar=own.calendar,
        months=tuple(own.months.split()),
        digits=own.digits,
        digits_in_dates=own.digits_in_dates,
        decimal=own.decimal,
        sheet=words(language, "title")["sheet"],
        preamble=words(language, "title")["terms"] if own.preamble else "",
        accents_lost=own.accents_lost,
        leg_places=len(PLACES),
    )
