"""The check: what contradicts the standard, the contract itself, or the other contracts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from counterflow.contracts.check import check_folder, render


def test_a_sound_folder_has_nothing_to_say(missions: Path) -> None:
    report = check_folder(missions)
    assert (report.errors, report.warnings) == ([], [])
    assert list(report.contracts) == ["MDA"]


CONTROL = "      means_of_control:\n        from: Mijloc\n        codes:\n"

# what is changed in which file → key of the error, words of it
ERRORS = [
    pytest.param(
        "acte reținute: withholds_documents", "acte reținute: withholds_document",
        "dialects/legacy.yml", "codes.acte reținute", "Did you mean `withholds_documents`?",
        id="code that the standard does not know",
    ),
    pytest.param(
        "România: ROU", "România: ROM", "codes/ro.yml", "codes.countries_ro.România", "`country`",
        id="country that does not exist",
    ),
    pytest.param(
        "România: ROU", "moldova: ROU", "codes/ro.yml", "codes.countries_ro.moldova",
        "same code as `Moldova`", id="one code, two meanings",
    ),
    pytest.param(
        "v2: {from: 2009-01}", "v2: {from: 2008-12}", "MDA.yml", "versions.v2.from", "overlaps `v1`",
        id="versions overlap",
    ),
    pytest.param(
        "v2: {from: 2009-01}", "v2: {from: 2009-03}", "MDA.yml", "versions.v2.from", "leaves months",
        id="gap between versions",
    ),
    pytest.param(
        "v2: {from: 2009-01}", "v2: {from: 2009-01, until: 2008-01}", "MDA.yml", "versions.v2",
        "ends before it begins", id="version that ends before it begins",
    ),
    pytest.param(
        "control.debt_bondage", "control.dept_bondage", "MDA.yml", "versions.v1.not_asked",
        "Did you mean `control.debt_bondage`?", id="not_asked names nothing",
    ),
    pytest.param(
        "at: registered_on", "at: gender", "dialects/legacy.yml", "tables.case.becomes.age_band.at",
        "no dated field", id="at names no date",
    ),
    pytest.param(
        "gender: 95 %", "education: 95 %", "MDA.yml", "assert.case.filled.education",
        "no column of this contract fills it", id="assertion on a field that is not mapped",
    ),
    pytest.param(
        "no: [nu]", "no: [DA]", "MDA.yml", "consent.research",
        "the same answer", id="consent both ways",
    ),
    pytest.param(
        'personal: [Nume, IDNP]', 'personal: [Nume, Acord cercetare]', "MDA.yml",
        'tables.case.personal', 'read under `consent.research.from`', id='consent column is personal',
    ),
    pytest.param(
        'Observații: free text', 'Retras la: free text', "MDA.yml",
        'tables.case.ignore.Retras la', 'read under `consent.research.withdrawn`', id='withdrawal is ignored',
    ),
    pytest.param(
        'missing: ["-99", nu se știe]', 'missing: ["-99", da]', "MDA.yml",
        'missing', 'a yes to research too', id='no answer is a yes',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'withdrawn: Acord cercetare}', "MDA.yml",
        'consent.research.withdrawn', 'read under `from` too', id='one column, two questions',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'guardian: {from: Tutore, yes: da, no: [Da]}}', "MDA.yml",
        'consent.research.guardian', 'stands in `yes` and in `no`', id='guardian both ways',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'guardian: {from: Tutore, yes: ["-99"]}}', "MDA.yml",
        'consent.research.guardian', "a guardian's yes too", id='no answer is a guardian yes',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'form_versions: {from: Formular, covers: [B], does_not_cover: [b]}}', "MDA.yml",
        'consent.research.form_versions', 'in `covers` and in `does_not_cover`', id='form covers and does not',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'scope: {from: Pentru, codes: {ajutor: assistance}}}', "MDA.yml",
        'consent.research.scope', 'no item means `research`', id='scope without research',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'scope: {from: Pentru, codes: {studii: research, Studii: assistance}}}', "MDA.yml",
        'consent.research.scope', 'in `research` and in `assistance`', id='item of two scopes',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'scope: {from: Pentru, codes: {studii: reserch}}}', "MDA.yml",
        'consent.research.scope.codes.studii', 'research', id='scope that is none',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'scope: {columns: {assistance: Ajutor}, also_needs: [data_sharing]}}', "MDA.yml",
        'consent.research.scope', 'which no column or code tells of', id='need that nobody asks',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'renews: true}', "MDA.yml",
        'consent.research', 'needs `given_on` and `withdrawn_on`', id='renewal without days',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'given_on: {from: Dat la, date: "%d %b %Y"}}', "MDA.yml",
        'consent.research.given_on.date', 'names of `months`', id='months of consent',
    ),
    pytest.param(
        'withdrawn: Retras la}', 'guardien: {from: Tutore, yes: da}}', "MDA.yml",
        'consent.research.guardien', 'Did you mean `guardian`?', id='misspelt key of consent',
    ),
    pytest.param(
        "personal: [Nume, IDNP]", "personal: [Nume, Sex]", "MDA.yml", "tables.case.personal",
        "read under `columns.gender`", id="personal and read",
    ),
    pytest.param(
        "Observații: free text", "IDNP: free text", "MDA.yml", "tables.case.ignore.IDNP",
        "under `personal` too", id="personal and ignored",
    ),
    pytest.param(
        "    file: cazuri*.csv", "    sheet: Cazuri", "dialects/legacy.yml", "tables.case.sheet",
        "an export in csv has no sheet", id="sheet in a CSV",
    ),
    pytest.param(
        "gender: {from: Sex,", "gender: {from: Sex, many: ';',", "dialects/legacy.yml",
        "tables.case.columns.gender.many", "a case has one of it", id="several genders",
    ),
    pytest.param(
        "gender: {from: Sex,", "gender: {from: Sex, basis: mission,", "dialects/legacy.yml",
        "tables.case.columns.gender.basis", "only a country", id="basis of a gender",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "file", "key", "words"), ERRORS)
def test_an_error_stands_at_its_line(
    missions: Path, change, old: str, new: str, file: str, key: str, words: str
) -> None:
    line = change(old, new, file)
    report = check_folder(missions)
    (error,) = report.errors
    assert (error.file, error.line) == (missions / file, line)
    assert error.key.endswith(key)
    assert words in str(error)
    assert report.contracts == {}


WARNINGS = [
    pytest.param("{min: 900, fall: 20 %}", "{fall: 20 %}", "MDA.yml", "an empty export", id="minimum"),
    pytest.param(
        "v2: {from: 2009-01}", "v2: {from: 2009-01, not_asked: [control.debt_bondage]}", "MDA.yml",
        "no version asks `control.debt_bondage`", id="never asked",
    ),
    pytest.param(
        "codes:\n  sex", "codes:\n  unused: {a: b}\n  sex", "dialects/legacy.yml",
        "codes.unused: no contract uses this list", id="list of a dialect",
    ),
    pytest.param(
        "yes_no_ro:", "yes_no_ru: {да: yes}\nyes_no_ro:", "codes/ro.yml",
        "yes_no_ru: no contract uses this list", id="shared list",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "file", "words"), WARNINGS)
def test_a_warning_leaves_the_contract_in_use(
    missions: Path, change, old: str, new: str, file: str, words: str
) -> None:
    change(old, new, file)
    report = check_folder(missions)
    assert report.errors == []
    assert len(report.warnings) == 1
    assert words in str(report.warnings[0])
    assert list(report.contracts) == ["MDA"]


def test_a_dialect_that_nobody_extends_is_named(missions: Path) -> None:
    (missions / "dialects" / "kobo.yml").write_text("source: {format: csv}\n", "utf-8")
    assert [w.key for w in check_folder(missions).warnings] == ["kobo"]


def test_what_a_dialect_gets_wrong_is_said_once(missions: Path, change) -> None:
    other = (missions / "MDA.yml").read_text("utf-8").replace("mission: MDA", "mission: ROU")
    (missions / "ROU.yml").write_text(other, "utf-8")
    change("datorie: debt_bondage", "datorie: debt", "dialects/legacy.yml")
    change("România: ROU", "România: ROM", "codes/ro.yml")
    keys = [error.key for error in check_folder(missions).errors]
    assert [key.rpartition(".")[2] for key in keys if "România" in key] == ["România"]
    assert sum(key.endswith("datorie") for key in keys) == 1


def test_a_list_under_another_name_counts_as_used_and_is_checked(missions: Path, change) -> None:
    change("codes:\n  sex", "codes:\n  places: countries_ro\n  sex", "dialects/legacy.yml")
    change("many: ", "codes: places, many: ", "dialects/legacy.yml")
    change(", codes: countries_ro}", "}", "dialects/legacy.yml")
    assert check_folder(missions).warnings == []
    line = change("România: ROU", "România: ROM", "codes/ro.yml")
    (error,) = check_folder(missions).errors
    assert (error.file.name, error.line) == ("ro.yml", line)


def test_a_name_for_a_list_that_is_not_there_names_the_nearest(missions: Path, change) -> None:
    line = change("codes:\n  sex", "codes:\n  places: countries_r\n  sex", "dialects/legacy.yml")
    (error,) = check_folder(missions).errors
    assert (error.line, error.nearest) == (line + 1, "countries_ro")


SERVICES = """\
  assistance:
    groups:
      provided: {service_type: {from: Primite, many: "; ", codes: {edu: education}}}
      needed: {service_type: {from: Necesare, many: "; ", codes: {jur: legal}}}
"""


def test_groups_of_columns_are_checked_as_columns_are(missions: Path, change) -> None:
    change("  control:\n", SERVICES + "  control:\n", "dialects/legacy.yml")
    assert check_folder(missions).errors == []
    change("needed: {serv", "need: {serv", "dialects/legacy.yml")
    change(
        'Primite, many: "; ", codes: {edu: education}',
        "Primite, codes: {edu: edu}",
        "dialects/legacy.yml",
    )
    keys = {(e.key, e.nearest) for e in check_folder(missions).errors}
    assert keys == {
        ("tables.assistance.groups.need", "needed"),
        ("tables.assistance.groups.provided.service_type.codes.edu", "education"),
    }


def test_the_groups_of_a_field_share_one_list_of_codes(missions: Path, change) -> None:
    change("  control:\n", SERVICES + "  control:\n", "dialects/legacy.yml")
    change("{jur: legal}", "{EDU: legal}", "dialects/legacy.yml")
    (error,) = check_folder(missions).errors
    assert error.key == "tables.assistance.groups.needed.service_type.codes.EDU"
    assert "same code as `edu`, which means `education`" in error.problem


GROUPS = [
    pytest.param(
        "  exploitation:\n    groups: {first: {country: {from: X, codes: countries_ro}}}\n",
        "nothing to name them by", id="a table without a field for the names",
    ),
    pytest.param(
        "  route_leg:\n    groups: {first: {from_country: {from: X, codes: countries_ro}}}\n",
        "named 1, 2, 3", id="numbers",
    ),
    pytest.param(
        "  event:\n    groups: {transit: {event_type: {from: X, codes: {t: transit}}}}\n",
        "name says it already", id="the field that the name fills",
    ),
    pytest.param(
        "  event:\n    groups: {transit: {event_type: ~, country: {value: MDA}}}\n",
        "a column of its own", id="nothing but constants",
    ),
    pytest.param(
        "  event:\n    columns: {country: {from: Y, codes: countries_ro}}\n"
        "    groups: {transit: {country: {from: X, codes: countries_ro}}}\n",
        "filled twice", id="a column of the table and of a group",
    ),
    pytest.param(
        "  control:\n    merged: {from: X}\n", "only cases are merged", id="merged means",
    ),
    pytest.param(
        "  case:\n    merged: {from: [X, Y]}\n", "as many columns as `key`", id="half a number",
    ),
    pytest.param(
        "  case:\n    columns: {duration_band: {from: X, unit: number}}\n",
        "years or months", id="a duration in children",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fragment", "said"), GROUPS)
def test_groups_and_merged_that_make_no_sense(missions: Path, fragment: str, said: str) -> None:
    (missions / "dialects" / "more.yml").write_text(f"tables:\n{fragment}", "utf-8")
    path = missions / "MDA.yml"
    text = path.read_text("utf-8").replace("extends: legacy", "extends: [legacy, more]")
    path.write_text(text, "utf-8")
    problems = [error.problem for error in check_folder(missions).errors]
    assert [problem for problem in problems if said in problem]


def test_names_of_months_are_asked_for(missions: Path, change) -> None:
    line = change(
        'înregistrării, date: "%d.%m.%Y"', 'înregistrării, date: "%d-%b-%Y"', "dialects/legacy.yml"
    )
    (error,) = check_folder(missions).errors
    assert (error.line, "months" in error.problem) == (line, True)
    change("missing:", "months: {ian: 1, feb: 2}\nmissing:")
    assert check_folder(missions).errors == []
    change("feb: 2", "feb: 22")
    assert [e.key for e in check_folder(missions).errors] == ["months.feb"]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert [e.problem for e in check_folder(tmp_path).errors] == [
        "there is no contract in this folder"
    ]


def test_the_report_is_readable_on_a_terminal_and_by_a_program(missions: Path, change) -> None:
    line = change("România: ROU", "România: ROM", "codes/ro.yml")
    report = check_folder(missions)
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(render(report))
    shown = console.export_text()
    assert f"ro.yml:{line}: " in shown
    assert "0 contracts can be used, 1 error, 0 warnings." in shown
    assert report.as_rows()[0] | {"file": ""} == {
        "severity": "error",
        "file": "",
        "line": line,
        "key": "codes.countries_ro.România",
        "problem": "`ROM` is not in the standard's list `country`",
        "nearest": report.errors[0].nearest,
    }


WIDTHS = "    layout: {Nr. caz: 1-8, Data înregistrării: 9-18, Mijloc: 19-30}\n"
FIXED = "source: {format: fixed, archive: zip"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('delimiter: ";"', 'delimiter: ";", trimmed: true', "have no fixed width"),
        ('delimiter: ";"', "header: {ruler: 2}", "has no ruler"),
        ('delimiter: ";"', "header: {label: 0}", "can do without names"),
        ("    file: cazuri*.csv\n", "    file: cazuri*.csv\n" + WIDTHS, "columns have no width"),
        ("source: {format: csv, archive: zip", FIXED, "say where each column stands"),
        (
            "source: {format: csv, archive: zip",
            "source: {format: fixed, header: {ruler: 2, label: 0}, archive: zip",
            "the names say which",
        ),
        (
            "source: {format: csv, archive: zip",
            "source: {format: xls, archive: zip",
            "an export in xls has no file",
        ),
        ("codes: sex}", "codes: sex, dates_are_bands: true}", "only a band with `codes`"),
    ],
)
def test_words_of_another_format_are_errors(
    missions: Path, change, old: str, new: str, problem: str
) -> None:
    change(old, new, "dialects/legacy.yml")
    assert any(problem in str(error) for error in check_folder(missions).errors)


def test_columns_of_fixed_width_do_not_overlap(missions: Path, change) -> None:
    change("source: {format: csv, archive: zip", FIXED, "dialects/legacy.yml")
    change("    file: cazuri*.csv\n", "    file: cazuri*.csv\n" + WIDTHS.replace("9-18", "8-18"),
           "dialects/legacy.yml")  # fmt: skip
    assert any("overlaps `Nr. caz`" in str(error) for error in check_folder(missions).errors)


CONSENT = (
    "consent:\n  research: {from: Acord cercetare, yes: [da], no: [nu], withdrawn: Retras la}\n"
)


@pytest.mark.parametrize("left", ["", "consent: {}\n"])
def test_a_contract_without_consent_is_refused_with_its_cure(
    missions: Path, change: Callable[..., int], left: str
) -> None:
    change(CONSENT, left)
    (error,) = check_folder(missions).errors
    assert error.key in ("consent", "consent.research")
    assert "name the column of consent to research and its words for yes" in str(error)


def test_a_guardian_is_asked_only_where_one_can_tell_who_is_a_minor(
    missions: Path, change: Callable[..., int]
) -> None:
    age = (
        '    becomes:\n      age_band: {from: Data nașterii, date: "%d.%m.%Y", at: registered_on}\n'
    )
    change(age, "", "dialects/legacy.yml")
    line = change("withdrawn: Retras la}", "guardian: {from: Tutore, yes: da}}")
    (error,) = check_folder(missions).errors
    assert (error.file.name, error.line) == ("MDA.yml", line)
    assert "nothing tells who is a minor: fill `case.age_band`" in str(error)
    change("yes: da}}", "yes: da, not_needed: major}}")
    assert check_folder(missions).errors == []
