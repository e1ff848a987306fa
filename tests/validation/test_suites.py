"""The suites are what the design promises: GX's own form, complete, and readable by people."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from counterflow.canonical import TABLES, Kind, landing_columns
from counterflow.validation import RuleBookError, rule_book
from counterflow.validation.frames import DERIVED, coded_fields
from counterflow.validation.profile import COLUMNS
from counterflow.validation.rules import PROFILE, load_suites

NAMES = (*TABLES, PROFILE)


def promised() -> set[str]:
    """The critical rules that docs/internals.md §6 lists, and that the synthetic truth assumes."""
    rules = {"case.key_present", "case.key_repeat", "case.key_conflict"}
    rules |= {"case.registered_on_not_before_birth", "case.merged_known"}
    for table in TABLES.values():
        if table.name != "case":
            rules |= {f"{table.name}.case_present", f"{table.name}.case_known"}
        rules |= {f"{table.name}.{field}_mapped" for field in coded_fields(table.name)}
        for field in table.fields:
            if field.reading:
                rules.add(f"{table.name}.{field.name}_readable")
            if field.reading and field.kind in (Kind.MONTH, Kind.YEAR):
                rules.add(f"{table.name}.{field.name}_not_future")
    shares = {"filled", "unmapped_share", "repeat_share"}
    whole = shares | {"rows_minimum", "rows_fall", "not_older"}
    return rules | {f"profile.{name}" for name in whole}


def test_critical_rules_are_the_promised_ones_and_no_others(suites: Path) -> None:
    critical = {r.rule_id for r in rule_book(suites).values() if r.severity == "critical"}
    assert critical == promised()


@pytest.mark.parametrize("name", NAMES)
def test_gx_itself_loads_the_suite_and_would_write_the_same(name: str, suites: Path) -> None:
    import great_expectations as gx

    raw = json.loads((suites / f"{name}.json").read_text(encoding="utf-8"))
    loaded = gx.ExpectationSuite(**raw).to_json_dict()
    assert isinstance(loaded["expectations"], list)
    keys = ("type", "kwargs", "meta", "severity")
    written = [{key: item[key] for key in keys} for item in loaded["expectations"]]
    assert written == raw["expectations"]  # GX drops in silence what it cannot build


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_reads_only_columns_that_exist(name: str, suites: Path) -> None:
    known = set(COLUMNS) if name == PROFILE else set(landing_columns(name))
    known |= {column for table, column, _, _ in DERIVED if table == name}
    known |= {f"{f.name}_asked" for t in TABLES.values() if t.name == name for f in t.fields}
    assert load_suites(suites)[name].columns <= known


def test_every_rule_tells_why_it_matters_and_what_to_do(suites: Path) -> None:
    for rule in rule_book(suites).values():
        for text in (rule.reason, rule.cure):
            assert len(text) > 40, rule.rule_id
            assert text.endswith("."), rule.rule_id
            assert text[0].isupper(), rule.rule_id


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda s: s["expectations"][0]["meta"].pop("cure"), "meta needs `cure`"),
        (lambda s: s["expectations"][0]["meta"].update(reason=" "), "meta needs `reason`"),
        (lambda s: s["expectations"][0]["meta"].update(rule_id="case.x"), "must start with"),
        (lambda s: s["expectations"][0].update(severity="fatal"), "severity must be"),
        (lambda s: s["expectations"].append(s["expectations"][0]), "share a rule_id"),
        (lambda s: s.update(name="controls"), "`name` must be 'control'"),
    ],
)
def test_a_suite_that_nobody_could_act_on_is_rejected(
    change: Any, complaint: str, suites: Path, tmp_path: Path
) -> None:
    shutil.copytree(suites, tmp_path / "suites")
    file = tmp_path / "suites" / "control.json"
    suite = json.loads(file.read_text())
    change(suite)
    file.write_text(json.dumps(suite))
    with pytest.raises(RuleBookError, match=complaint) as error:
        rule_book(tmp_path / "suites")
    assert "control.json" in str(error.value)


def test_a_missing_or_broken_suite_file_is_named(suites: Path, tmp_path: Path) -> None:
    shutil.copytree(suites, tmp_path / "suites")
    (tmp_path / "suites" / "case.json").write_text("{\n,")
    with pytest.raises(RuleBookError, match=r"case\.json: not JSON at line 2"):
        rule_book(tmp_path / "suites")
    (tmp_path / "suites" / "case.json").unlink()
    with pytest.raises(RuleBookError, match=r"case\.json: no such suite"):
        rule_book(tmp_path / "suites")


def test_importing_the_package_imports_neither_gx_nor_pandas() -> None:
    heavy = "{'great_expectations', 'pandas'} & set(sys.modules)"
    code = f"import sys, counterflow.validation; print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
