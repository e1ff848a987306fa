"""The official templates of HTCDS 1.0, 1.1 and 2.0, filled in by hand, in all their forms and with all their defects.

The template is built here from what its columns really are; nothing of the synthetic generator is
used. It is read through the committed dialects, extended as a mission would extend them.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
import yaml

from counterflow.contracts import load_contract
from counterflow.contracts.check import check_folder
from counterflow.contracts.model import Contract
from counterflow.contracts.tables import code_map
from counterflow.depersonalise import MissionKeys, case_key
from counterflow.ingest import Landed, ingest
from counterflow.keys import Keyring
from counterflow.settings import PROJECT
from counterflow.sources import Refused

NIGHT = date(2010, 11, 25)
KEYS = MissionKeys.of(Keyring(bytes(range(32)), bytes(32)), "MNE")
SECRET = "Zxqvella"  # in every personal cell: must be found nowhere

# Row 1 (hidden, technical) against row 2 (label), in the template's order. The address block
# disagrees, one technical name is misspelt, one is empty, labels carry trailing blanks.
COLUMNS_20 = (
    ("", ""),
    ("cas_CaseOwner", "Case Owner"),
    ("prs_Salutation", "Salutation"),
    ("prs_FirstName", "First Name"),
    ("prs_SecondName", "Second Name"),
    ("con_Consent", "Consent"),
    ("prs_Birthdate", "Birthdate"),
    ("prs_Gender", "Gender "),
    ("prs_Citizenship", "Citizenship"),
    ("prs_Title", "Title"),
    ("prs_Email", "Email"),
    ("prs_HomePhone", "Home Phone"),
    ("prs_MobilePhone", "Mobile Phone "),
    ("prs_MailingCity", "Mailing Street"),
    ("prs_MailingCountry", "Mailing City"),
    ("prs_MailingState", "Mailing State/Province"),
    ("prs_MailingStreet", "Mailing Zip/Postal Code"),
    ("prs_MailingPostalCode", "Mailing Country"),
    ("vic_TraffickingStatus", "Trafficking Status"),
    ("vic_TraffickinStatusDecisionMakingOrg", "Trafficking Status Decision Making Organization"),
    ("vic_MethodOfRecruitment", "Method of Recruitment"),
    ("vic_LocationOfRecruitment", "Location of Recruitment"),
    ("vic_MethodsOfControl", "Methods of Control  "),
    ("vic_TypeOfExploitation", "Type of Exploitation"),
    ("vic_ForcedLabourIndustry", "Forced Labour Industry"),
    ("vic_TypeOfSexExploitation", "Type of Sex Exploitation"),
    ("vic_LocationOfExploitation", "Location of Exploitation"),
    ("cas_Status", "Status"),
    ("cas_ReferringOrganisation", "Referring Organisation"),
    ("cas_IncomingReferralDate", "Incoming Referral Date"),
    ("cas_ReferringPrimaryCaseWorker", "Referring Primary Case Worker"),
    ("cas_ReasonForIncomingReferral", "Reason for Incoming Referral"),
    ("cas_IncomingReferralDetails", "Incoming Referral Details"),
    ("cas_ReferredOrganisation", "Referred Organisation"),
    ("cas_ReferredPrimaryCaseWorker", "Referred Primary Case Worker"),
    ("", "Reason for Outgoing Referral"),
    ("cas_OutgoingReferralDate", "Outgoing Referral Date"),
    ("cas_OutgoingReferralDetails", "Outgoing Referral Details"),
    ("cas_ReasonForCaseClosure", "Reason for Case Closure "),
    # the standard has no case number, no date of registration, no withdrawal: missions append them
    ("", "Case ID"),
    ("", "Registration date"),
    ("", "Country of exploitation"),
    ("", "Consent withdrawn on"),
)
_OLD = ("vic_AgreementToManagePersonalData", "Agreement to Manage Personal Data")
_GONE = {"Consent", "Trafficking Status", "Trafficking Status Decision Making Organization"}
COLUMNS_10 = (
    *((_OLD if label == "Consent" else (name, label)) for name, label in COLUMNS_20
      if label not in _GONE - {"Consent"}),
    ("vic_Vulnerabilities", "Vulnerabilities"),
    ("vic_DetailsOfVulnerabilities", "Details Of Vulnerabilities"),
)  # fmt: skip
COLUMNS_11 = (
    *COLUMNS_10,
    ("vic_RecruitmentWebsitesAndApps", "Recruitment Websites and Apps"),
    ("vic_ExploitationWebsitesAndApps", "Exploitation Websites and Apps"),
)
LEGAL = (
    "This template is licensed under Creative Commons Attribution 4.0 International; by using it "
    "you accept that the publisher gives no warranty of any kind"
)
PERSONAL = {
    label: f"{SECRET} {place}"
    for place, (_, label) in enumerate(COLUMNS_20)
    if label.startswith(("Case Owner", "First", "Second", "Title", "Email", "Home", "Mobile",
                         "Mailing", "Location", "Referring", "Referred", "Incoming Referral Details",
                         "Outgoing Referral Details", "Reason for Case Closure"))
}  # fmt: skip

HOUSEHOLDS = (
    "Activities of households as employers; undifferentiated goods- and services- producing "
    "activities of households for own use"
)
TRADE = "Wholesale and retail trade; repair of motor vehicles and motorcycles"
Row = dict[str, object]
Columns = tuple[tuple[str, str], ...]


def case(number: int, **answers: object) -> Row:
    """A row of the template: consent, a registration, and personal data in every personal cell."""
    row: Row = {
        **PERSONAL,
        "Consent": "Yes",
        "Case ID": f"MNE-{number:04}",
        "Registration date": date(2010, 3, number),
        "Birthdate": date(1985, 2, 1),
    }
    return row | {label.replace("_", " "): answer for label, answer in answers.items()}


def pick(*values: str) -> str:
    """A cell as the macro of the multi-select form leaves it when values are picked one by one.

    A value whose text already stands in the cell is taken for one that was picked before.
    """
    cell = ""
    for value in values:
        if value not in cell:
            cell = f"{cell}; {value}" if cell else value
    return cell


def grid(rows: list[Row], columns: Columns, first: str, numbered: int) -> Iterator[list[object]]:
    """Technical names, labels, then the numbered rows."""
    yield [name for name, _ in columns]
    yield [first, *(label for _, label in columns[1:])]
    for number in range(max(numbered, len(rows))):
        row = rows[number] if number < len(rows) else {}
        yield [number + 1, *(row.get(label, row.get(label.strip())) for _, label in columns[1:])]


def workbook(
    rows: list[Row],
    columns: Columns = COLUMNS_20,
    form: str = "plain",
    first: str = "",
    above: str = "",
    numbered: int = 1000,
) -> bytes:
    """The template as .xlsx. `single`: with validation lists; `above`: a sentence over the names."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        book.add_worksheet("Instructions").write("A1", f"{LEGAL}.")
        sheet = book.add_worksheet("Cases")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        shift = 1 if above else 0
        if above:
            sheet.write(0, 0, above)
        for at, row in enumerate(grid(rows, columns, first, numbered), start=shift):
            for place, value in enumerate(row):
                if isinstance(value, date):
                    sheet.write_datetime(at, place, value, day)
                elif value is not None:
                    sheet.write(at, place, value)
        sheet.set_row(shift, None, None, {"hidden": True})
        lists = book.add_worksheet("Lists")
        lists.write_column(0, 0, ["Niger", "Nigeria", "Moldova, Republic of"])
        lists.hide()
        if form == "single":
            sheet.data_validation(
                shift + 2, 8, 1001, 8, {"validate": "list", "source": "=Lists!$A$1:$A$3"}
            )
            sheet.data_validation(
                shift + 2, 5, 1001, 5, {"validate": "list", "source": ["Yes", "No"]}
            )
    return target.getvalue()


def old_workbook(rows: list[Row], columns: Columns) -> bytes:
    """The template as a workbook of Excel 97."""
    book = xlwt.Workbook(encoding="utf-8")
    book.add_sheet("Instructions").write(0, 0, LEGAL)
    sheet = book.add_sheet("Cases")
    day = xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for at, row in enumerate(grid(rows, columns, "", 1000)):
        for place, value in enumerate(row):
            if value is not None:
                sheet.write(at, place, value, day if isinstance(value, date) else xlwt.XFStyle())
    sheet.row(0).hidden = True
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def contract(folder: Path, dialect: str = "htcds_xlsx", changes: str = "") -> Contract:
    """A new mission that works with a template: its file says little beside the dialect."""
    missions = folder / "missions"
    if not missions.exists():
        shutil.copytree(PROJECT / "dags/missions", missions,
                        ignore=shutil.ignore_patterns("[A-Z][A-Z][A-Z].yml"))  # fmt: skip
    head = {
        "mission": "MNE", "name": "Montenegro", "region": "Southern Europe", "extends": dialect,
        "steward": "test-desk", "source": {"connection": "mission_mne"},
    }  # fmt: skip
    (missions / "MNE.yml").write_text(yaml.safe_dump(head) + changes, "utf-8")
    report = check_folder(missions)
    assert [str(error) for error in report.errors] == []
    return load_contract(missions / "MNE.yml")


class Loaded:
    """What was landed, in the standard's words."""

    def __init__(self, landed: Landed, said: Contract) -> None:
        self.landed = landed
        rows = code_map(said, KEYS).to_pylist()
        self.meaning = {(r["table_name"], r["field"], r["local_code"]): r["code"] for r in rows}

    def values(self, table: str, field: str, number: int) -> list[object]:
        """The values of a field on the rows of one case, in order: codes as the standard has them."""
        key = case_key(KEYS, f"MNE-{number:04}")
        rows = [r for r in self.landed.tables[table].to_pylist() if r["case_key"] == key]
        return [self.meaning.get((table, field, r[field]), r[field]) for r in rows]

    def signals(self, kind: str) -> list[tuple[str, str, int]]:
        """Table, field and rows of the signals of a kind."""
        rows = self.landed.signals.to_pylist()
        return [(r["table_name"], r["field"], r["rows"]) for r in rows if r["kind"] == kind]


def load(data: bytes, said: Contract) -> Loaded:
    """Ingest, with what must hold of every export: rows are accounted for, nobody is in it."""
    landed = ingest(data, said, KEYS, NIGHT)
    everything = str(
        [t.to_pylist() for t in (*landed.tables.values(), landed.signals, landed.rows)]
    )
    assert SECRET.casefold() not in everything.casefold()
    withheld = sum(landed.withheld.values())
    assert landed.rows_read == landed.rows.num_rows + withheld + landed.rows_blank
    return Loaded(landed, said)


FULL = {
    "Gender": "Feminine",  # a value name, where all else holds labels
    "Citizenship": "Moldova, Republic of",
    "Trafficking Status": "Actual Victim of trafficking",  # capitals drift
    "Trafficking Status Decision Making Organization": "Court or prosecution",
    "Method of Recruitment": "At work",
    "Methods of Control": "Threatens children/family",
    "Type of Exploitation": "Forced labour",
    "Forced Labour Industry": TRADE,  # holds the delimiter
    "Status": "Follow up",
    "Incoming Referral Date": date(2010, 3, 1),
    "Reason for Incoming Referral": "Additional Services Required",
    "Reason for Outgoing Referral": "Migration or Change of Location",
    "Outgoing Referral Date": date(2010, 6, 30),
    "Country of exploitation": "Russian Federation",
}


def assert_full(found: Loaded) -> None:
    """The first case, one value a cell, is read as it was typed."""
    assert found.landed.rows_read == 1000
    assert found.landed.rows_blank == 999
    single = {
        ("case", "gender"): "feminine",
        ("case", "age_band"): "24-26",
        ("case", "registered_month"): date(2010, 3, 1),
        ("case", "case_status"): "follow_up",
        ("case", "country_of_exploitation"): "RUS",
        ("citizenship", "citizenship"): "MDA",
        ("exploitation", "exploitation_type"): "forced_labour",
        ("exploitation", "labour_sector"): "g_wholesale_and_retail_trade_repair_of_motor_vehicles",
        ("control", "means_of_control"): "threatens_children_family",
        ("recruitment", "recruitment_method"): "at_work",
    }
    assert {at: found.values(*at, 1) for at in single} == {at: [v] for at, v in single.items()}
    assert found.values("referral", "direction", 1) == ["incoming", "outgoing"]
    assert found.values("referral", "referred_month", 1) == [date(2010, 3, 1), date(2010, 6, 1)]
    assert found.values("referral", "reason", 1) == [
        "additional_services_required", "migration_or_change_of_location",
    ]  # fmt: skip


# HTCDS 2.0


@pytest.mark.parametrize("form", ["plain", "single"])
def test_one_value_a_cell(tmp_path: Path, form: str) -> None:
    """Plain or with validation lists; a hidden technical row, extra sheets, 1,000 numbered rows."""
    said = contract(tmp_path)
    found = load(workbook([case(1) | FULL], form=form), said)
    assert_full(found)
    assert found.values("case", "trafficking_status", 1) == ["actual_victim_of_trafficking"]
    assert found.values("screening", "decided_by", 1) == ["court_or_prosecution"]
    assert [found.signals(kind) for kind in ("unknown_column", "missing_column", "unmapped_code")] == [
        [], [], [],
    ]  # fmt: skip


def test_several_values_a_cell(tmp_path: Path) -> None:
    """Joined with "; " although labels hold it: the longest label that fits is the value."""
    picked = {
        "Citizenship": pick("Congo, the Democratic Republic of the", "Moldova, Republic of"),
        "Type of Exploitation": pick("Forced labour", "Sexual exploitation"),
        "Forced Labour Industry": pick(HOUSEHOLDS, "Construction", TRADE),
        "Type of Sex Exploitation": pick("Prostitution", "Remote Interactive Services"),
        "Methods of Control": pick("Physical abuse", "Debt bondage", "Withholds documents"),
        "Method of Recruitment": pick("Through an online advertisement", "At work"),
    }
    found = load(workbook([case(1) | FULL | picked]), contract(tmp_path))
    assert found.values("citizenship", "citizenship", 1) == ["COD", "MDA"]
    assert found.values("exploitation", "exploitation_type", 1) == [
        "sexual_exploitation", "forced_labour", "forced_labour", "forced_labour",
    ]  # fmt: skip
    assert found.values("exploitation", "labour_sector", 1) == [
        None, "t_activities_of_households_as_employers", "f_construction",
        "g_wholesale_and_retail_trade_repair_of_motor_vehicles",
    ]  # fmt: skip
    assert found.values("sexual_exploitation", "sexual_exploitation_form", 1) == [
        "prostitution", "remote_interactive_services",
    ]  # fmt: skip
    assert found.values("control", "means_of_control", 1) == [
        "physical_abuse", "debt_bondage", "withholds_documents",
    ]  # fmt: skip
    assert found.values("recruitment", "recruitment_method", 1) == [
        "through_an_online_advertisement", "at_work",
    ]  # fmt: skip
    assert found.signals("unmapped_code") == []


@pytest.mark.parametrize(
    ("first", "second", "loaded"),
    [
        ("Nigeria", "Niger", ["NGA"]),  # the macro took Niger for picked
        ("Niger", "Nigeria", ["NER", "NGA"]),
        ("Guinea-Bissau", "Guinea", ["GNB"]),
        ("Guinea", "Guinea-Bissau", ["GIN", "GNB"]),
        ("Equatorial Guinea", "Guinea", ["GNQ"]),
        ("South Sudan", "Sudan", ["SSD"]),
        ("Sudan", "South Sudan", ["SDN", "SSD"]),
    ],
)
def test_what_the_macro_drops_is_not_guessed(
    tmp_path: Path, first: str, second: str, loaded: list[str]
) -> None:
    """The list is silently incomplete: what stands in the cell is loaded, and nothing in its place."""
    sudans = "tables: {citizenship: {columns: {citizenship: {codes: [countries_template, {Sudan: SDN, South Sudan: SSD}]}}}}\n"
    said = contract(tmp_path, changes=sudans)
    found = load(workbook([case(1) | FULL | {"Citizenship": pick(first, second)}]), said)
    assert found.values("citizenship", "citizenship", 1) == loaded
    assert found.signals("unmapped_code") == []


def test_what_the_picklist_lacks_and_a_worker_typed_is_quarantined(tmp_path: Path) -> None:
    """Restricted movement is the second commonest means of control, and is not on the list."""
    row = case(1) | FULL | {"Methods of Control": "Debt bondage; Restricts movement"}
    found = load(workbook([row]), contract(tmp_path))
    debt, typed = found.values("control", "means_of_control", 1)
    assert debt == "debt_bondage"
    assert str(typed).startswith("#")
    assert found.signals("unmapped_code") == [("control", "means_of_control", 1)]


def test_consent_decides(tmp_path: Path) -> None:
    rows = [
        case(1) | FULL,
        case(2) | {"Consent": "No"},
        case(3) | {"Consent": None},
        case(4) | {"Consent": "Y"},
        case(5) | {"Consent withdrawn on": date(2010, 7, 1)},
        case(6) | {"Consent": "yes "},
    ]
    found = load(workbook(rows), contract(tmp_path))
    assert found.landed.withheld == {"no_consent": 1, "consent_unknown": 2, "consent_withdrawn": 1}
    assert found.landed.rows_blank == 994
    assert [len(found.values("case", "gender", n)) for n in range(1, 7)] == [1, 0, 0, 0, 0, 1]


def test_a_row_with_its_number_alone_is_blank_and_others_are_not(tmp_path: Path) -> None:
    """A row in which only a name was typed is a row: it lacks consent, and is counted."""
    rows = [case(1) | FULL, {"First Name": SECRET}]
    found = load(workbook(rows), contract(tmp_path))
    assert (found.landed.rows_blank, found.landed.withheld) == (998, {"consent_unknown": 1})


# The header


def test_a_sentence_of_legal_terms_for_a_first_name(tmp_path: Path) -> None:
    assert_full(load(workbook([case(1) | FULL], first=LEGAL), contract(tmp_path)))


def test_a_sentence_of_legal_terms_above_the_names(tmp_path: Path) -> None:
    found = load(workbook([case(1) | FULL], above=LEGAL), contract(tmp_path))
    assert_full(found)
    assert found.signals("preamble") == [("case", "", 1)]


def test_a_sentence_for_the_name_of_a_column_that_is_read_is_refused(tmp_path: Path) -> None:
    said = contract(tmp_path, changes="tables: {case: {ignore: {column 1: ~}}}\n")
    with pytest.raises(Refused) as refused:
        load(workbook([case(1) | FULL], first=LEGAL), said)
    assert refused.value.code == "sentence_header"


def test_labels_without_their_trailing_blanks_are_the_same(tmp_path: Path) -> None:
    trimmed = tuple((name, label.strip()) for name, label in COLUMNS_20)
    assert_full(load(workbook([case(1) | FULL], trimmed), contract(tmp_path)))


def test_columns_in_another_order(tmp_path: Path) -> None:
    turned = (COLUMNS_20[0], *reversed(COLUMNS_20[1:]))
    assert_full(load(workbook([case(1) | FULL], turned), contract(tmp_path)))


BY_TECHNICAL_ROW = """\
tables:
  case:
    personal:
      - {label: Mailing Street, technical: prs_MailingStreet}
      - {label: Mailing City, technical: prs_MailingCity}
      - {label: Mailing Zip/Postal Code, technical: prs_MailingPostalCode}
      - {label: Mailing Country, technical: prs_MailingCountry}
"""


def test_the_address_block_mapped_by_its_technical_row_is_refused(tmp_path: Path) -> None:
    """By it the street would be the city, and the city the country."""
    data = workbook([case(1) | FULL])
    with pytest.raises(Refused, match="Mailing") as refused:
        load(data, contract(tmp_path, changes=BY_TECHNICAL_ROW))
    assert refused.value.code == "header_conflict"
    assert SECRET not in str(refused.value)


def test_a_template_with_another_address_block_is_refused(tmp_path: Path) -> None:
    """A repaired edition is another form: somebody looks at it before an address is read."""
    right = {"Mailing Street": "prs_MailingStreet", "Mailing City": "prs_MailingCity",
             "Mailing Zip/Postal Code": "prs_MailingPostalCode",
             "Mailing Country": "prs_MailingCountry"}  # fmt: skip
    repaired = tuple((right.get(label, name), label) for name, label in COLUMNS_20)
    with pytest.raises(Refused) as refused:
        load(workbook([case(1) | FULL], repaired), contract(tmp_path))
    assert refused.value.code == "header_conflict"


RESIDENCE = """\
tables:
  case:
    columns:
      country_of_residence: {from: {%s}, codes: countries_template}
    personal:
      - {label: Mailing Street, technical: prs_MailingCity}
      - {label: Mailing State/Province, technical: prs_MailingState}
      - {label: Mailing Zip/Postal Code, technical: prs_MailingStreet}
      %s
"""


def test_the_country_of_residence_needs_both_names(tmp_path: Path) -> None:
    """Label and technical name as they really are read the country; those that agree are no column."""
    row = case(1) | FULL | {"Mailing Country": "Ukraine"}
    city = "- {label: Mailing City, technical: prs_MailingCountry}"
    both = RESIDENCE % ("label: Mailing Country, technical: prs_MailingPostalCode", city)
    found = load(workbook([row]), contract(tmp_path, changes=both))
    assert found.values("case", "country_of_residence", 1) == ["UKR"]
    agreeing = RESIDENCE % ("label: Mailing Country, technical: prs_MailingCountry", "")
    with pytest.raises(Refused) as refused:
        load(workbook([row]), contract(tmp_path, changes=agreeing))
    assert refused.value.code == "header_conflict"


def test_a_city_read_as_a_country_is_never_landed_in_plain(tmp_path: Path) -> None:
    """Should a contract follow the technical row alone, its cities are no countries: tokens."""
    alone = RESIDENCE % ("technical: prs_MailingCountry",
                         "- {label: Mailing Country, technical: prs_MailingPostalCode}")  # fmt: skip
    found = load(workbook([case(1) | FULL]), contract(tmp_path, changes=alone))
    (landed,) = found.values("case", "country_of_residence", 1)
    assert str(landed).startswith("#")


# HTCDS 1.0 and 1.1


def older(number: int, **answers: object) -> Row:
    """A row of the templates before 2.0."""
    row = case(number, **answers) | FULL
    agreed = row.pop("Consent")
    return row | {
        "Agreement to Manage Personal Data": agreed,
        "Vulnerabilities": "Poverty; Abuse - physical; Disability and physical health",
        "Details Of Vulnerabilities": SECRET,
    }


VULNERABLE = ["poverty", "abuse_physical", "disability_and_physical_health"]


def test_the_template_of_1_0_in_excel_97(tmp_path: Path) -> None:
    """The old consent, the vulnerabilities that 2.0 gave up, and no status of trafficking."""
    said = contract(tmp_path, "htcds10_template")
    rows = [older(1), older(2) | {"Agreement to Manage Personal Data": "No"}]
    found = load(old_workbook(rows, COLUMNS_10), said)
    assert found.landed.withheld == {"no_consent": 1}
    assert found.landed.rows_blank == 998
    assert found.values("vulnerability", "factor", 1) == VULNERABLE
    assert found.values("case", "trafficking_status", 1) == [None]
    assert found.landed.tables["screening"].num_rows == 0
    assert found.values("case", "case_status", 1) == ["follow_up"]
    assert found.values("case", "age_band", 1) == ["24-26"]
    assert found.signals("unknown_column") == []


def test_the_template_of_1_1(tmp_path: Path) -> None:
    said = contract(tmp_path, "htcds11_template")
    row = older(1) | {
        "Recruitment Websites and Apps": pick("Facebook Messenger", "Facebook", "Line"),
        "Exploitation Websites and Apps": "Telegram",
    }
    found = load(workbook([row], COLUMNS_11), said)
    assert_full(found)
    assert found.values("vulnerability", "factor", 1) == VULNERABLE
    # Facebook stands in Facebook Messenger: the macro dropped it
    assert found.values("online_platform", "platform", 1) == [
        "facebook_messenger",
        "line",
        "telegram",
    ]
    assert found.values("online_platform", "purpose", 1) == [
        "recruitment", "recruitment", "exploitation",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "columns"), [("htcds_xlsx", COLUMNS_11), ("htcds11_template", COLUMNS_20)]
)
def test_another_version_of_the_template_is_refused(
    tmp_path: Path, dialect: str, columns: Columns
) -> None:
    """Its consent is another question: no answer of the one is taken for the other's."""
    with pytest.raises(Refused) as refused:
        load(workbook([older(1) | {"Consent": "Yes"}], columns), contract(tmp_path, dialect))
    assert refused.value.code == "missing_column"


# HTCDS 1.x as a flat file: technical names are the header, the picklists' values stand as labels.

FLAT = {
    "cas_CaseNumber": "MNE-0001", "cas_RegistrationDate": "03/01/2010", "prs_Gender": "Feminine",
    "prs_MaritalStatus": "Single", "prs_HighestLevelOfEducation": "Bachelor’s or Equivalent Level",
    "hte_Country": "Russia", "cas_Status": "Follow up", "prs_NumberOfChildren": "2",
    "prs_PrimaryLanguage": "", "prs_SecondaryLanguage": "", "prs_Deceased": "FALSE",
    "prs_MailingCountry": "Ukraine", "vic_AgeWhenTrafficked": "23", "prs_Birthdate": "02/01/1985",
    "prs_Citizenship": "Moldova; Romania", "vic_TypeOfExploitation": "Forced labour",
    "vic_ForcedLabourIndustry": f"{HOUSEHOLDS}; Construction",
    "vic_MethodsOfControl": "Debt bondage", "vic_MethodOfRecruitment": "At work",
    "vic_RelationshipToTrafficker": "Unaquainted",  # so misspelt in the standard
    "vic_Vulnerabilities": "Poverty; Abuse - physical; Disability and physical health",
    "spl_Type": "Health; Legal", "vic_TypeOfSexExploitation": "Prostitution",
    "vic_RecruitmentWebsitesAndApps": "Facebook", "vic_ExploitationWebsitesAndApps": "",
    "vic_AgreementToManagePersonalData": "TRUE", "cas_CaseOwner": SECRET, "prs_FirstName": SECRET,
    "prs_SecondName": SECRET, "prs_IdentityNumber": SECRET, "prs_MailingStreet": SECRET,
    "prs_MobilePhone": SECRET, "vic_DetailsOfVulnerabilities": SECRET,
}  # fmt: skip


def test_version_1_as_a_flat_file(tmp_path: Path) -> None:
    rows = [
        FLAT,
        FLAT | {"cas_CaseNumber": "MNE-0002", "vic_AgreementToManagePersonalData": "FALSE"},
        FLAT | {"cas_CaseNumber": "MNE-0003", "vic_AgreementToManagePersonalData": ""},
    ]
    lines = ["\t".join(FLAT), *("\t".join(row[column] for column in FLAT) for row in rows)]
    said = contract(tmp_path, "htcds1_en")
    found = load("\r\n".join(lines).encode("utf-16"), said)
    assert found.landed.withheld == {"no_consent": 1, "consent_unknown": 1}
    assert found.values("vulnerability", "factor", 1) == VULNERABLE
    assert found.values("recruitment", "recruiter_relationship", 1) == ["unaquainted"]
    assert found.values("exploitation", "labour_sector", 1) == [
        "t_activities_of_households_as_employers", "f_construction",
    ]  # fmt: skip
    assert found.values("assistance", "service_type", 1) == ["health", "legal"]
    assert found.values("case", "country_of_residence", 1) == ["UKR"]
    assert found.values("case", "age_band_when_trafficked", 1) == ["21-23"]
    assert [found.signals(kind) for kind in ("unknown_column", "unmapped_code")] == [[], []]
