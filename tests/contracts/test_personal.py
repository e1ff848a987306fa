"""A contract that takes for harmless what its column's name says is a person's is refused, in any language we know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from counterflow.contracts import ContractError, load
from counterflow.contracts.check import check_folder
from counterflow.contracts.digest import reading_digest
from counterflow.contracts.model import Header
from counterflow.contracts.personal import looks_personal
from counterflow.settings import PROJECT

LOCAL = "        from: Plecare sezonieră\n"
IGNORED = "      Observații: free text\n"
MAPPED = "country_of_exploitation: {from: Țara,"

# in which words of the world's forms names, telephones, documents, addresses and birth dates are asked
PERSONAL = [
    "Full name", "Victim's first name", "SURNAME", "Phone", "Mobile phone 2", "E-mail address", "Passport No.", "prs_FirstName",
    "prs_IdentityNumber", "person.lastName", "Case Owner", "Телефон", "Фамилия, имя", "Номер паспорта", "Прізвище", "رقم الجواز",
    "الهاتف", "اسم العائلة", "Nombre completo", "Teléfono", "Apellidos", "Prénom", "Numéro de passeport", "Numele de familie, prenume",
    "Telefon", "Adresa", "นามสกุล", "เลขบัตรประชาชน", "โทรศัพท์", "নাম", "পাসপোর্ট", "फ़ोन", "पूरा नाम", "ho tên", "Số điện thoại",
    "nama lengkap", "ስልክ", "شماره ملی", "Nazwisko", "soyadı", "ＰＡＳＳＰＯＲＴ", "Pass\u00adport", "GPS",
]  # fmt: skip
BIRTH = [
    "Date of birth",
    "Data nașterii",
    "Дата рождения",
    "تاريخ الميلاد",
    "Ngày sinh",
    "Child's birth date",
]
HARMLESS = [
    "Țara",
    "Sex",
    "Plecare sezonieră",
    "Citizenship",
    "Status",
    "Means of control",
    "Year",
    "Nr. caz",
    "Type",
    "",
]


@pytest.mark.parametrize("label", [*PERSONAL, *BIRTH])
def test_a_name_that_is_personal_is_known(label: str) -> None:
    assert looks_personal(Header(label=label)), label
    assert looks_personal(Header(technical=label, label="Sex")), label


@pytest.mark.parametrize("label", [label for label in HARMLESS if label])
def test_a_name_that_is_harmless_is_none(label: str) -> None:
    assert looks_personal(Header(label=label)) is None


def test_the_label_decides_where_the_standards_template_is_shifted() -> None:
    assert (
        looks_personal(Header(label="Mailing Country", technical="prs_MailingPostalCode")) is None
    )
    assert looks_personal(Header(label="Mailing Street", technical="prs_MailingCountry"))
    assert looks_personal(Header(label="Column 5", technical="prs_FirstName"))


def broken(missions: Path, old: str, new: str) -> Path:
    path = missions / "MDA.yml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


@pytest.mark.parametrize("label", ["Full name", "Телефон", "رقم الجواز", "Date of birth"])
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (LOCAL, "        from: {}\n", "tables.case.local.seasonal_departure"),
        (IGNORED, "      {}: the mission does not need it\n", "tables.case.ignore.{}"),
        (
            MAPPED,
            "country_of_exploitation: {{from: {},",
            "tables.case.columns.country_of_exploitation",
        ),
    ],
    ids=["a local attribute", "ignored", "a code"],
)
def test_it_is_refused_when_loaded_and_by_the_check(
    missions: Path, old: str, new: str, key: str, label: str
) -> None:
    path = broken(missions, old, new.format(label))
    with pytest.raises(ContractError) as refused:
        load(path)
    error = refused.value
    assert error.key == key.format(label)
    assert error.line == next(
        n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if label in line
    ) or key.startswith("tables.case.local")
    for word in (path.name, f"`{label}`", "under `personal`", "not_personal"):
        assert word in str(error), word
    assert [str(e) for e in check_folder(missions).errors] == [str(error)]


def test_all_of_them_are_told_at_once(missions: Path) -> None:
    broken(missions, LOCAL, "        from: Full name\n")
    broken(missions, IGNORED, "      Phone: not needed\n")
    assert len(check_folder(missions).errors) == 2


def test_a_written_reason_lets_it_pass_and_changes_no_reading(missions: Path) -> None:
    path = broken(missions, LOCAL, "        from: Telefon\n")
    before = broken(missions, IGNORED, IGNORED)
    with pytest.raises(ContractError):
        load(before)
    excuse = "    not_personal: {Telefon: whether the person owns a telephone}\n    local:\n"
    contract = load(broken(missions, "    local:\n", excuse)).contract
    bare = contract.model_copy(deep=True)
    bare.tables["case"].not_personal.clear()
    assert reading_digest(contract) == reading_digest(bare)
    assert check_folder(missions).warnings == []
    broken(missions, "whether the person owns a telephone", "no")
    with pytest.raises(ContractError, match="at least 10 characters"):
        load(path)


def test_an_excuse_that_nothing_needs_is_a_warning(missions: Path) -> None:
    broken(
        missions, "    local:\n", "    not_personal: {Telefon: it is no telephone}\n    local:\n"
    )
    warnings = [str(w) for w in check_folder(missions).warnings]
    assert len(warnings) == 1
    assert "called like that" in warnings[0]


def test_what_becomes_a_band_and_free_text_that_is_ignored_are_sound(missions: Path) -> None:
    broken(missions, IGNORED, "      Incoming Referral Details: free text\n")
    assert check_folder(missions).errors == []


def test_no_committed_contract_needs_more_than_two_excuses(tmp_path: Path) -> None:
    """The words are not so wide that missions learn to excuse everything; and taking an excuse away is seen."""
    folder = PROJECT / "dags" / "missions"
    excuses = [
        label
        for path in folder.rglob("*.yml")
        for table in (yaml.safe_load(path.read_text("utf-8")).get("tables") or {}).values()
        for label in (table or {}).get("not_personal", {})
    ]
    assert sorted(excuses) == ["STATE", "name"]
    shutil.copytree(folder, tmp_path / "missions")
    dialect = tmp_path / "missions" / "dialects" / "legacy_en.yml"
    lines = dialect.read_text("utf-8").splitlines(keepends=True)
    dialect.write_text("".join(line for line in lines if "not_personal" not in line), "utf-8")
    with pytest.raises(ContractError, match=r"legacy_en\.yml:109: .*STATE"):
        load(tmp_path / "missions" / "ARM.yml")
