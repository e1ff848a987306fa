"""The shapes of personal data: whatever looks so is seen, in any script; what we write ourselves never is."""

from __future__ import annotations

import csv
import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow import canonical
from counterflow.contracts import contract_files, load
from counterflow.landing import export_name
from counterflow.settings import PROJECT
from counterflow.warehouse.patterns import shapes, valid_iban
from counterflow.warehouse.published import published

ARABIC, BENGALI, THAI = "٠١٢٣٤٥٦٧٨٩", "০১২৩৪৫৬৭৮৯", "๐๑๒๓๔๕๖๗๘๙"
WIDE = "".join(chr(0xFF10 + n) for n in range(10))
HIDDEN = "\u200b\u200c\u2060\ufeff\u00ad"  # seen by nobody

words = st.text(string.ascii_lowercase, min_size=2, max_size=9)
number = st.text(string.digits, min_size=9, max_size=12).filter(lambda t: t[0] != "0")
# around: what stands before and after in a sentence
around = st.sampled_from(
    [("", ""), ("said ", ""), ("(", ")"), ("nr ", ", then"), ("`", "`"), ("телефон: ", ".")]
)


@st.composite
def disguised(draw: st.DrawFn, plain: st.SearchStrategy[str]) -> str:
    """A text in other digits or full-width letters, with marks between that are not seen."""
    text = draw(plain)
    look = draw(st.sampled_from(["plain", ARABIC, BENGALI, THAI, WIDE, "wide"]))
    if look == "wide":
        text = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    elif look != "plain":
        text = text.translate(str.maketrans(string.digits, look))
    places = draw(st.lists(st.integers(0, len(text)), max_size=3))
    for place in sorted(places, reverse=True):
        text = text[:place] + draw(st.sampled_from(HIDDEN)) + text[place:]
    return text


def sentence(text: str, between: tuple[str, str]) -> str:
    return between[0] + text + between[1]


@given(disguised(st.builds(lambda a, b, c: f"{a}.{b}@{c}.org", words, words, words)), around)
def test_an_address_of_mail_is_seen(mail: str, between: tuple[str, str]) -> None:
    assert "e-mail" in shapes(sentence(mail, between)), mail


@given(
    disguised(
        st.builds(lambda a, s, b: f"{a} {s} {b}.md", words, st.sampled_from(["(at)", "(a)"]), words)
    ),
    around,
)
def test_an_address_that_avoids_the_sign_is_seen(mail: str, between: tuple[str, str]) -> None:
    assert "e-mail" in shapes(sentence(mail, between)), mail


def test_a_code_of_two_genders_is_no_address() -> None:
    listed = "of 6 codes no accepted row holds `viúvo(a)`, `divorciado(a)`, `separado(a) de facto`"
    assert shapes(listed) == []


@st.composite
def telephones(draw: st.DrawFn) -> str:
    """International or local, in groups parted by blanks, points, strokes or brackets."""
    digits_ = draw(st.text(string.digits, min_size=7, max_size=13))
    groups = []
    while digits_:
        size = draw(st.integers(1, 4))
        groups.append(digits_[:size])
        digits_ = digits_[size:]
    sign = draw(st.sampled_from([" ", "-", ".", "", " - ", ") ", "/"]))
    return draw(st.sampled_from(["+", "00", "0", ""])) + sign.join(groups)


@given(disguised(telephones()), around)
def test_a_telephone_is_seen(telephone: str, between: tuple[str, str]) -> None:
    assert shapes(sentence(telephone, between)), telephone


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """An account with valid check digits, as it is printed or in one piece."""
    country = draw(st.text(string.ascii_uppercase, min_size=2, max_size=2))
    account = draw(st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=28))
    check = next(n for n in range(2, 99) if valid_iban(f"{country}{n:02}{account}"))
    whole = f"{country}{check:02}{account}"
    if draw(st.booleans()):
        whole = " ".join(whole[n : n + 4] for n in range(0, len(whole), 4))
    return whole.lower() if draw(st.booleans()) else whole


@given(disguised(ibans()), around)
def test_an_account_is_seen(iban: str, between: tuple[str, str]) -> None:
    assert "account" in shapes(sentence(iban, between)), iban


@st.composite
def documents(draw: st.DrawFn) -> str:
    letters = st.sampled_from(string.ascii_letters + "АВЕКМНРСТ")
    head = "".join(draw(st.lists(letters, min_size=1, max_size=3)))
    digits_ = draw(st.text(string.digits, min_size=6, max_size=9))
    return head + draw(st.sampled_from(["", " ", "-", "№"])) + digits_


@given(disguised(documents()), around)
def test_a_document_is_seen(document: str, between: tuple[str, str]) -> None:
    assert shapes(sentence(document, between)), document


@given(
    st.dates(date(1900, 1, 1), date(2030, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%m/%d/%Y", "%Y%m%d", "%d %B %Y", "%B %d, %Y", "%d. %b %Y", "%d de %B de %Y"]),
    around,
    st.data(),
)  # fmt: skip
def test_a_date_is_seen_unless_it_is_a_night(
    day: date, form: str, between: tuple[str, str], data: st.DataObject
) -> None:
    text = data.draw(disguised(st.just(day.strftime(form))))
    assert shapes(sentence(text, between)), text
    assert shapes(sentence(str(day), between), {str(day)}) == []
    assert shapes(f"{between[0]}{day}{between[1]}", {"2010-11-25"} - {str(day)})


@pytest.mark.parametrize(
    "text",
    ["47.0105, 28.8638", "47° 0' 38\" N", "-1.29207", "https://x.example/anna", "www.facebook.com/anna", "vk.com", "ANNA@HOST",
     "12RF45678", "12345678Z", "1985 - 03 - 12", "3 martie 1985", "12 марта 1985", "13.06.2528"],
)  # fmt: skip
def test_other_forms(text: str) -> None:
    assert shapes(text), text


# --- and never of what we write ------------------------------------------------------------------


def _legal() -> set[str]:
    found: set[str] = set()
    for path in (PROJECT / "dbt_project" / "seeds").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                # where the sources of figures stand their addresses of the web may stand
                found.update(v for k, v in row.items() if k not in ("source", "note", "population"))
    for path in contract_files(PROJECT / "dags" / "missions"):
        contract = load(path).contract
        found |= {
            contract.mission,
            contract.name,
            contract.region,
            contract.steward,
            contract.dialect,
        }
        found |= {contract.source.path, contract.source.connection, *contract.versions}
        for table in contract.tables.values():
            for local in table.local.values():
                found.add(local.label)
            for column in table.read_columns:
                found.add(column.note or "")
        for codes in contract.codes.values():
            found |= {code.note or "" for code in codes.values()}
    for table in published().values():
        found |= {table.name, table.comment, *table.columns, *table.comments.values()}
    for landed in canonical.TABLES.values():
        found |= {landed.name, *canonical.landing_columns(landed)}
    return found


LEGAL = _legal()


def test_no_label_code_name_note_or_comment_of_ours_is_seen() -> None:
    assert len(LEGAL) > 2000
    assert {text for text in LEGAL if shapes(text)} == set()


@given(
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.binary(min_size=12, max_size=12).map(bytes.hex),
    st.integers(0, 9_999_999),
    st.dates(date(2010, 1, 1), date(2012, 1, 1)),
    st.integers(2002, 2010),
)
def test_our_own_forms_are_never_seen(
    token: str, export: str, count: int, night: date, year: int
) -> None:
    landed = export_name(
        export[:16], export[16:], night, night
    )  # as ingest names what time will change
    for text in (
        f"#{token}, up to 16 characters",
        f"ALB: export {export[:16]}-{export[16:]} refused by profile.rows_fall on case [rows {count}, fall 0.5].",
        f"ALB: export {landed} refused by profile.rows_fall on case [rows {count}].",
        f"there are more than {count} rows",
        f"a cell is larger than {count} bytes",
        f"{year}-{year + 2}",
        f"these are the bytes of the export of {night}, which a newer one has replaced",
    ):
        assert shapes(text, {str(night)}) == [], text
