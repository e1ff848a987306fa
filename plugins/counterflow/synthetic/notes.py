"""FORM.txt, the note a mission's steward sends with the first export: a `Form` in, text out.

It says what somebody needs to write the contract: files, encoding, dates, what each column means
and which local codes it holds, what an empty cell means, what the question of consent says.
"""

from __future__ import annotations

from counterflow.synthetic import languages, standard
from counterflow.synthetic.forms import consenting, htcds_xlsx
from counterflow.synthetic.forms.base import Column, Fill, Form, layout, withdrawn

QUESTIONS = {
    "last_exploitation": "the country of the LAST exploitation",
    "screening": "the country where the person was SCREENED (interviewed)",
    "registration": "the country where the case was REGISTERED",
}
ANSWERS = {
    "no": "the worker goes through every item, so what is not chosen is a No",
    "unknown": "workers tick what they hear, so what is not chosen is NOT a No but unknown",
}
STANDARD_LISTS = {
    "gender", "marital_status", "education", "trafficking_status", "recruiter_relationship",
    "recruitment_method", "means_of_control", "exploitation_type", "labour_sector",
    "vulnerability_factor", "perpetrator_role", "case_status", "service_type",
    "organisation_type", "decision_making_org", "sexual_form", "online_platform",
    "referral_reason",
}  # fmt: skip
MERGED = "number of the case that this record was merged into, mostly empty"
CONSENT_KINDS: dict[Fill, str] = {
    withdrawn: "consent: day of withdrawal", consenting.given_on: "consent: day of consent",
    consenting.scopes: "consent: what it is for", consenting.guardian: "consent of a guardian",
    consenting.consent_form: "consent: version of its form",
    **{fill: f"consent to {scope.replace('_', ' ')}"
       for scope, fill in consenting.scope_columns.items()},
}  # fmt: skip
CALENDARS = {
    "buddhist": "days only; a year alone is Gregorian; 2550 = 2007",
    "solar_hijri": "years alone too; a year begins in March; 1386 began in 2007",
    "ethiopian": "years alone too; 13 months; a year begins in September; 2000 began in 2007",
}
WORKBOOKS = ("xlsx", "xls", "ods")
COUNTRY_STYLES = {
    "legacy_uk": "ISO 3166 alpha-2, upper case",
    "legacy_en": "ISO 3166 alpha-2, upper case",
    "casebook_en": "ISO 3166 alpha-2, upper case",
    "kobo_en": "ISO 3166 alpha-2, upper case",
    "kobo_fr": "ISO 3166 alpha-3, lower case",
    "kobo_es": "ISO 3166 alpha-3, upper case",
    **dict.fromkeys(htcds_xlsx.VARIANTS, "English ISO 3166 names with their commas, as in Lists"),
}


def write(form: Form) -> str:
    """The whole note."""
    m = form.mission
    lines = [
        f"Mission {m.code}: how our export is made",
        "",
        f"form:       {form.name} (shared with other missions of this form)",
        f"language:   {form.language}",
        f"file:       {form.path}   (% codes: date of the night)",
        f"format:     {_format(form)}",
        f"encoding:   {_encoding(form)}",
        f"dates:      {_dates(form)}",
        f"no answer:  {', '.join(sorted({repr(x) for x in form.missing}))}"
        + (" and JSON null" if form.kind == "json" else ""),
        f"countries:  {COUNTRY_STYLES.get(form.name, 'names in our language as in Unicode CLDR')}",
        f"lists:      several choices in one cell are joined with {form.joiner!r}"
        if form.kind != "json"
        else "lists:      JSON arrays",
        "key:        the case number stands in column "
        + next(repr(c.header) for c in form.sources["case"] if c.role == "key"),
    ]
    lines += [
        "volume:     every export holds all cases since 2002; from one to the next it only grows",
        "empty rows: rows without any content are blanks, not cases",
    ]
    lines += _answers(form) + _versions(form)
    if m.variation.note:
        lines.append(f"NOTE:       {m.variation.note}")
    for source, columns in form.sources.items():
        lines += ["", f"== {_place(form, source)}  (holds: {source}) =="]
        places = _places(form)
        lines += [_column(form, column) + places.get(column.header, "") for column in columns]
    lines += ["", "== codes (what we write = what it means) =="]
    used = {c.codes for columns in form.sources.values() for c in columns if c.codes}
    for name in sorted(used - {"countries"}):
        lines += [f"[{name}]"] + [
            f"  {local} = {meaning(form, name, code)}" for code, local in form.lists[name].items()
        ]
    return "\n".join(lines) + "\n"


def meaning(form: Form, name: str, code: str) -> str:
    """What a code means, in the standard's English."""
    if name.startswith("local."):
        return code
    if name in STANDARD_LISTS:
        return standard.labels(name).get(code, code.replace("_", " ").capitalize())
    if name == "language":
        return f"{code} (ISO 639-2/T)" if code not in languages.rare() else f"{code}: other"
    return code.replace("_", " ")


def _place(form: Form, source: str) -> str:
    if form.kind == "zip":
        return f"file {form.files[source]}"
    if form.kind == "json":
        return "list cases" if source == "case" else f"list cases[].{form.files[source]}"
    return f"sheet {form.sheet!r}" if form.kind in WORKBOOKS else "the only table"


def _format(form: Form) -> str:
    if form.kind in ("csv", "zip"):
        return f"{form.kind}, delimiter {form.delimiter!r}"
    if form.kind == "fixed":
        return "text in columns of fixed width (characters from 1), names in the first line"
    return form.kind


def _encoding(form: Form) -> str:
    if form.accents_lost:
        return "ascii, and a ? for EVERY letter outside it, in headers too (accents are lost)"
    return "workbook" if form.kind in WORKBOOKS else form.mission.encoding


def _dates(form: Form) -> str:
    text = form.date_format
    if form.real_dates:
        real = "real dates in the workbook" if form.kind in WORKBOOKS else "%Y-%m-%d"
        text = f"{real}; typed text as {text} now and then"
    if form.calendar != "gregorian":
        text += f", in the {form.calendar.upper()} calendar ({CALENDARS[form.calendar]})"
    if form.months:
        said = ", ".join(f"{name} = {number}" for number, name in enumerate(form.months, 1))
        text += f"; names of months: {said}"
    if form.decimal:
        text += f"; ages and durations may have a decimal {form.decimal!r}"
    if form.digits:
        text += f"; numbers sometimes in local digits {form.digits}"
    return text


def _answers(form: Form) -> list[str]:
    lines = []
    if form.control_mode == "chosen":
        lines.append(f"means of control: {ANSWERS[form.control_not_chosen]}")
    else:
        lines.append("means of control: each item is asked; answers as given, empty = unknown")
    if form.factor_items and form.factor_mode == "chosen":
        lines.append(f"vulnerabilities: {ANSWERS[form.factor_not_chosen]}")
    if "case.flags" not in form.asked:
        lines.append(
            f"types of exploitation: {ANSWERS[form.exploitation_not_chosen]}"
            " (if at least one is chosen)"
        )
    if form.flat_exploitation:
        lines.append("labour sectors belong to forced labour only")
    if form.services_flat:
        lines.append("services: pure lists; received = provided, the list of needs = needed")
    if form.basis_by_case:
        lines.append("country of exploitation: the basis stands beside it")
    else:
        lines.append(f"country of exploitation: the form asks {QUESTIONS[form.basis]}")
    lines.append(
        "consent: the question is on use of de-personalised data for research; "
        f"{form.lists['consent']['yes']!r} = yes, {form.lists['consent']['no']!r} = no, "
        "anything else = not known"
    )
    if form.takes_withdrawal:
        lines.append("consent withdrawn: a date in its column means withdrawn, the Yes stays")
    lines += _consent(form)
    if form.drifting:
        lines.append("capitals drift (Follow up, follow up): they mean the same")
    if form.pre_numbered:
        lines.append("the first column is a printed row number; most rows below are empty")
    if form.has_technical_row:
        lines.append("row 1 (hidden) holds technical names, row 2 labels, data from row 3")
        lines.append("technical names of the address block are known to be shifted: trust labels")
    if form.preamble:
        lines.append(f"the first line is a sentence, names stand below it: {form.preamble!r}")
    if form.one_choice:
        lines.append("every cell holds ONE value, also where there could be several")
    if form.leg_places:
        lines.append("route: the digit in the column's name (its group) is the number of the leg")
    if form.kind == "json":
        lines.append("rows of a nested list are counted through the whole file, as they come")
    if form.last_screening_only:
        lines.append("screening: one decision a case; its date is not asked")
    if form.flat_referrals:
        lines.append("referrals: room for one in each direction that has columns")
    if form.decided_by:
        lines.append("screening: one decision and its day for each organisation with columns")
    if form.perpetrator_places:
        lines.append("perpetrators: the digit in the column's name (its group) is the number")
    if form.asks("case.primary_language"):
        lines.append("languages: those that headquarters' list does not have are `other`")
    if form.asks("assistance.ended_on"):
        lines.append("end of assistance: empty while it lasts")
    if form.age_kind == "years":
        lines.append("age: full years at registration")
    return lines


def _consent(form: Form) -> list[str]:
    """What the further columns of consent say."""
    lines = []
    if form.fills(consenting.scopes):
        lines.append("consent: a Yes counts for what is listed beside it; `none` is a No to all")
    if form.fills(*consenting.scope_columns.values()):
        lines.append("consent: assistance and data sharing are asked apart; we need no Yes to them")
    if form.fills(consenting.given_on):
        after = "renews it" if form.renews else "is a mistake that nobody has looked at"
        lines.append(f"consent: a day of consent after the day of withdrawal {after}")
    if form.fills(consenting.consent_form):
        lines.append("consent: forms F2 and F3 ask for research, F1 did not")
    if form.fills(consenting.guardian):
        lines.append(
            "consent: for minors a guardian, or a representative by a court, is asked too; "
            f"{form.lists['consent_guardian']['not_needed']!r} = the person is of age"
        )
    return lines


def _versions(form: Form) -> list[str]:
    if form.v1_until is None:
        return []
    lacking = [*sorted(form.v1_lacks), *sorted(f"control: {i}" for i in form.control_v1_lacks)]
    return [
        f"versions:   v1 for cases registered until {form.v1_until}, v2 after",
        f"            not asked in v1: {', '.join(lacking)}",
    ]


def _places(form: Form) -> dict[str, str]:
    """Where the columns of a file of fixed width stand."""
    places, first = {}, 1
    for column, width in layout(form) if form.kind == "fixed" else ():
        places[column.header] = f"  characters {first}-{first + width - 1}"
        first += width + 1
    return places


def _column(form: Form, column: Column) -> str:
    kind = CONSENT_KINDS.get(column.fill, "consent")
    role = {"personal": "PERSONAL", "ignored": "not needed", "key": "case number",
            "consent": kind, "merged": MERGED}.get(column.role, column.field)  # fmt: skip
    codes = f"  codes: {column.codes}" if column.codes else ""
    codes += "  (several)" if column.many else ""
    if column.group:
        codes += f"  group: {column.group}"
    if column.also:
        codes += f"  feeds {column.also} too"
    technical = f"  technical name: {column.technical!r}" if form.has_technical_row else ""
    question = ""
    for asked in form.mission.variation.local:
        if column.field == f"local_attribute.{asked.name}":
            question = f"  agreed name: {asked.name}; question: {asked.question}"
    if column.field.startswith("control.") and column.codes == "control_answer":
        question = "  = " + meaning(form, "means_of_control", column.field[len("control.") :])
    return f"  {column.header!r}: {role}{codes}{technical}{question}"
