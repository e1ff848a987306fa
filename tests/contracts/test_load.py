"""The loader: inheritance, words that stay words, and errors a steward can act on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterflow.contracts import ContractError, check_contracts, load_contract, load_contracts
from counterflow.contracts.load import merge


def test_a_mission_inherits_its_dialect_and_the_lists_it_names(missions: Path) -> None:
    contract = load_contract(missions / "MDA.yml")
    assert contract.dialect == "legacy"
    assert contract.source.format == "csv"
    assert contract.source.encoding == "cp1250"
    case = contract.tables["case"]
    assert list(case.columns) == [
        "registered_on",
        "gender",
        "is_forced_labour",
        "country_of_exploitation",
    ]
    assert [str(header) for header in case.personal] == ["Nume", "IDNP"]
    assert set(contract.codes) == {"countries_ro", "yes_no_ro", "sex"}
    assert contract.codes["countries_ro"]["Moldova, Republica"].code == "MDA"


def test_no_is_a_word_and_numbers_keep_their_zeros(missions: Path, change) -> None:
    change(
        "yes_no_ro: {da: yes, nu: no}",
        "yes_no_ro: {yes: yes, no: no, 01: yes, 1.0: no}",
        "codes/ro.yml",
    )
    contract = load_contract(missions / "MDA.yml")
    listed = {local: code.code for local, code in contract.codes["yes_no_ro"].items()}
    assert listed == {"yes": "yes", "no": "no", "01": "yes", "1.0": "no"}


def test_sizes_shares_and_months_are_read_as_people_write_them(missions: Path) -> None:
    contract = load_contract(missions / "MDA.yml")
    assert contract.source.limits.unpacked == 500_000_000
    assert contract.source.limits.cell == 64_000
    assert contract.assert_["case"].rows.fall == 0.2
    assert contract.assert_["case"].filled["registered_on"] == 0.98
    assert contract.versions["v1"].until == date(2008, 12, 1)


def test_a_tilde_takes_away_what_was_inherited(missions: Path, change) -> None:
    change(
        "  case:\n    columns:", "  control: ~\n  case:\n    columns:\n      is_forced_labour: ~"
    )
    change(", not_asked: [control.debt_bondage, case.is_forced_labour]", "")
    contract = load_contract(missions / "MDA.yml")
    assert "control" not in contract.tables
    assert "is_forced_labour" not in contract.tables["case"].columns
    assert "gender" in contract.tables["case"].columns


def test_a_list_of_its_own_wins_over_the_shared_one(missions: Path, change) -> None:
    change("missing:", "codes:\n  yes_no_ro: {D: yes, N: no}\nmissing:")
    contract = load_contract(missions / "MDA.yml")
    assert set(contract.codes["yes_no_ro"]) == {"D", "N"}
    change("codes:\n  yes_no_ro: {D: yes, N: no}\n", "")
    assert set(load_contract(missions / "MDA.yml").codes["yes_no_ro"]) == {"da", "nu"}


# what is changed in which file → the line that is named, the key, words of the message
MISTAKES = [
    pytest.param("cadence:", "cadense:", "MDA.yml", "cadense", "`cadence`", id="key at the top"),
    pytest.param(
        "encoding: cp1250", "encodign: cp1250", "MDA.yml", "source.encodign", "`encoding`", id="key"
    ),
    pytest.param(
        "encoding: cp1250",
        "encoding: cp9999",
        "MDA.yml",
        "source.encoding",
        "cp9999",
        id="encoding",
    ),
    pytest.param(
        "path: outgoing/cazuri_{night:%Y%m%d}.zip",
        "path: outgoing/{mission}.zip",
        "MDA.yml",
        "source.path",
        "{night:%Y%m%d}",
        id="path",
    ),
    pytest.param(
        "codes: countries_ro, basis",
        "codes: contries_ro, basis",
        "MDA.yml",
        "tables.case.columns.country_of_exploitation.codes",
        "`countries_ro`",
        id="code list",
    ),
    pytest.param(
        "gender: {from: Sex",
        "gendre: {from: Sex",
        "dialects/legacy.yml",
        "gendre",
        "`gender`",
        id="field in the dialect",
    ),
    pytest.param(
        "relation: broader",
        "relation: wider",
        "dialects/legacy.yml",
        "tables.control.columns.means_of_control.codes.amenințări.relation",
        "'broader'",
        id="relation",
    ),
    pytest.param(
        "personal: [Nume, IDNP]",
        "personnal: [Nume, IDNP]",
        "MDA.yml",
        "tables.case.personnal",
        "`personal`",
        id="key of a table",
    ),
    pytest.param(
        "fall: 20 %", "fall: 200 %", "MDA.yml", "assert.case.rows.fall", "as in `20 %`", id="share"
    ),
    pytest.param(
        "unpacked: 500 MB",
        "unpacked: much",
        "dialects/legacy.yml",
        "source.limits.unpacked",
        "as in `500 MB`",
        id="size",
    ),
    pytest.param(
        "until: 2008-12",
        "until: 12.2008",
        "MDA.yml",
        "versions.v1.until",
        "as in `2008-12`",
        id="month",
    ),
    pytest.param(
        "extends: legacy", "extends: legaci", "MDA.yml", "extends", "`legacy`", id="dialect"
    ),
    pytest.param(
        "mission: MDA", "mission: MOL", "MDA.yml", "mission", "it must be MDA", id="mission"
    ),
    pytest.param(
        "name: Moldova\n", "name: Moldova\nname: Moldova\n", "MDA.yml", "name", "twice", id="twice"
    ),
    pytest.param(
        "yes: [da], ", "", "MDA.yml", "consent.research.yes", "is missing", id="missing key"
    ),
    pytest.param(
        "basis: registration",
        "basis: guess",
        "MDA.yml",
        "country_of_exploitation.basis",
        "last_exploitation",
        id="basis",
    ),
    pytest.param(
        "codes: sex}",
        "codez: sex}",
        "dialects/legacy.yml",
        "codez",
        "`codes`",
        id="key of a column",
    ),
    pytest.param(
        "languages: [ro, ru]", "languages: {a: b}", "MDA.yml", "languages", "a text", id="kind"
    ),
]


@pytest.mark.parametrize(("old", "new", "file", "key", "words"), MISTAKES)
def test_an_error_names_file_line_key_and_cure(
    missions: Path, change, old: str, new: str, file: str, key: str, words: str
) -> None:
    line = change(old, new, file)
    with pytest.raises(ContractError) as caught:
        load_contract(missions / "MDA.yml")
    error = caught.value
    assert error.file == missions / file
    assert abs(error.line - line) <= new.count("\n")
    assert error.key.endswith(key)
    assert words in str(error)
    assert str(error).startswith(f"{Path(file).name}:{error.line}: {error.key}: ")


def test_a_field_that_is_not_of_its_table_names_the_nearest(missions: Path, change) -> None:
    line = change("gender: {from: Sex", "gendre: {from: Sex", "dialects/legacy.yml")
    with pytest.raises(ContractError) as caught:
        load_contract(missions / "MDA.yml")
    assert (caught.value.line, caught.value.nearest) == (line, "gender")


def test_every_mistake_of_a_file_is_told_at_once(missions: Path, change) -> None:
    change("cadence:", "cadense:")
    change("fall: 20 %", "fall: a lot")
    change("name: Moldova\n", "")
    sound, errors = check_contracts(missions)
    assert sound == {}
    assert {error.key for error in errors} == {"cadense", "assert.case.rows.fall", "name"}


def test_one_bad_contract_spoils_no_other(missions: Path) -> None:
    bad = (missions / "MDA.yml").read_text("utf-8").replace("MDA", "UKR").replace("cadence", "x")
    (missions / "UKR.yml").write_text(bad, "utf-8")
    sound, errors = check_contracts(missions)
    assert list(sound) == ["MDA"]
    assert [error.file.name for error in errors] == ["UKR.yml"]
    with pytest.raises(ContractError):
        load_contracts(missions)


def test_dialects_that_extend_each_other_are_refused(missions: Path) -> None:
    dialect = missions / "dialects" / "legacy.yml"
    dialect.write_text("extends: legacy\n" + dialect.read_text("utf-8"), "utf-8")
    with pytest.raises(ContractError, match="extends itself"):
        load_contract(missions / "MDA.yml")


@pytest.mark.parametrize(
    ("text", "words"),
    [("[a, b]", "must be a mapping"), ("a: {b", "legacy.yml:"), ("? [a]\n: b\n", "single word")],
)
def test_what_is_no_mapping_of_keys_is_refused_with_its_line(
    missions: Path, text: str, words: str
) -> None:
    (missions / "dialects" / "legacy.yml").write_text(text, "utf-8")
    with pytest.raises(ContractError, match=words):
        load_contract(missions / "MDA.yml")


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8
)
trees = st.recursive(
    words.filter(lambda word: word != "~"),
    lambda inner: st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
mappings = st.dictionaries(words, trees, max_size=5)


@given(mappings, mappings)
def test_merging_lets_the_mission_win_and_keeps_the_rest(base: dict, over: dict) -> None:
    before = repr((base, over))
    merged = merge(base, over)
    assert set(merged) == set(base) | set(over)
    for key, value in merged.items():
        if key not in over:
            assert value == base[key]
        elif not (isinstance(over[key], dict) and isinstance(base.get(key), dict)):
            assert value == over[key]
    assert merge(merged, over) == merged
    assert merge({}, base) == base
    assert merge(base, {}) == base
    assert merge(base, dict.fromkeys(base, "~")) == {}
    assert repr((base, over)) == before, "what is merged is shared and must not change"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.dictionaries(words, st.sampled_from(["yes", "no", "unknown"]), min_size=1, max_size=5))
def test_any_text_can_be_a_local_code(missions: Path, codes: dict[str, str]) -> None:
    own = yaml.safe_dump({"yes_no_ro": codes}, allow_unicode=True, default_style='"')
    own += 'countries_ro: {"Moldova": "MDA"}\n'
    (missions / "codes" / "ro.yml").write_text(own, "utf-8")
    listed = load_contract(missions / "MDA.yml").codes["yes_no_ro"]
    assert {local: code.code for local, code in listed.items() if local in codes} == {
        local: code for local, code in codes.items() if code != "~"
    }
