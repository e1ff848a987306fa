"""Nothing of a cell gets into a verdict, a message or a log, whatever fails and in which way."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from counterflow.canonical import TABLES
from counterflow.validation import LandedExport, Status, gx, validate
from counterflow.validation.errors import gx_error, told
from counterflow.validation.frames import code_lookup, coded_fields, read_part
from counterflow.validation.rules import load_suites

from .landing import SEAL, Row, case, child, land

SECRET = "Zhanna-Qvortrup-7731"
TOKEN = "#" + "5ec7e7" * 5 + "77"


def planted(root: Path, mission: str = "MDA") -> LandedExport:
    """An export with the secret in every coded field of every table, and rules that fail."""
    tables: dict[str, list[Row]] = {}
    for table in TABLES:
        make = case if table == "case" else (lambda n, t=table, **c: child(n, t, **c))
        fields = dict.fromkeys(coded_fields(table), SECRET)
        tokens = dict.fromkeys(coded_fields(table), TOKEN)
        tables[table] = [make(1, **fields), make(1, **tokens), make(2)]
        tables[table] += [make(n, **fields) for n in range(3, 13)]  # enough to refuse the export
    tables["case"][2]["key_reading"] = SECRET
    tables["control"][2]["case_reading"] = SECRET
    tables["case"][1]["registered_on_reading"] = SECRET
    return land(root, mission, tables)


def leaks(folder: Path) -> set[str]:
    """Files under `folder` in which the secret or the token can be read, Parquet unpacked."""
    found = set()
    for file in (f for f in folder.rglob("*") if f.is_file()):
        text = file.read_bytes().decode("utf-8", "replace")
        if file.suffix == ".parquet":
            text += json.dumps(SEAL.read(file).to_pylist(), default=str)
        if SECRET in text or TOKEN in text or SECRET in file.name:
            found.add(file.name)
    return found


def all_loggers() -> list[logging.Logger]:
    return [logging.getLogger(name) for name in logging.root.manager.loggerDict]


def test_a_planted_value_reaches_no_verdict_no_log_and_no_screen(
    tmp_path: Path, suites: Path, capfd: Any, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    export = planted(tmp_path)
    assert "control.parquet" in leaks(export.path)  # positive control: it is there to be leaked
    [verdict] = validate([export], suites)
    assert verdict.status is Status.REFUSED  # so there are reasons, too
    assert verdict.quarantined > 0
    assert leaks(verdict.folder) == set()
    printed = capfd.readouterr()
    told_anywhere = [printed.out, printed.err, caplog.text, repr(verdict), verdict.message]
    assert not [text for text in told_anywhere if SECRET in text or TOKEN in text]
    assert printed.out == printed.err == ""  # no progress bar of GX either
    assert "great_expectations" not in caplog.text


def test_nothing_of_a_coded_field_is_handed_to_gx(tmp_path: Path, suites: Path) -> None:
    export = planted(tmp_path)
    codes = code_lookup(export.code_map)
    for table in TABLES:
        part = read_part(export, load_suites(suites)[table], codes)
        for field in coded_fields(table):
            if field in part.data.column_names:
                held = set(part.data.column(field).to_pylist())
                assert not held & {SECRET, TOKEN}, (table, field)
                assert "#unmapped" in held


def test_gx_with_its_default_form_would_leak(tmp_path: Path, suites: Path) -> None:
    """Positive control of the forms: the same call with GX's default holds the values."""
    import pandas as pd

    data = pd.DataFrame({"key_reading": ["ok", SECRET]})
    suite = load_suites(suites)["case"]
    place = [e.rule_id for e in suite.expectations].index("case.key_conflict")
    batch = gx._batch(data)
    from great_expectations import ExpectationSuite

    form = gx._form(suite.expectations[place], 0)
    form["kwargs"] |= {"value_set": [SECRET]}
    asked = ExpectationSuite(name="case", expectations=[form])
    leaky = batch.validate(asked, result_format="COMPLETE").results[0].result
    assert SECRET in str(leaky)
    safe = batch.validate(asked, result_format=dict(gx.ROW_IDS)).results[0].result
    assert SECRET not in str(safe)


def test_an_exception_inside_gx_that_quotes_data_is_told_by_its_class(
    tmp_path: Path, suites: Path, caplog: Any, capfd: Any
) -> None:
    """A rule that breaks on the values themselves: GX's traceback quotes them, we do not."""
    shutil.copytree(suites, tmp_path / "suites")
    file = tmp_path / "suites" / "case.json"
    suite = json.loads(file.read_text())
    rule = suite["expectations"][0]
    rule["type"], rule["kwargs"] = (
        "expect_column_values_to_be_between",
        {"column": "registered_on_reading", "min_value": 5},
    )
    file.write_text(json.dumps(suite))
    [verdict] = validate([planted(tmp_path)], tmp_path / "suites")
    assert verdict.status is Status.FAILED
    assert verdict.reasons[0].rule_id == rule["meta"]["rule_id"]
    assert leaks(verdict.folder) == set()
    printed = capfd.readouterr()
    assert SECRET not in verdict.message + caplog.text + printed.out + printed.err


def test_an_exception_of_ours_that_quotes_data_is_told_by_its_class(
    tmp_path: Path, suites: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def quoting(*_: Any) -> Any:
        raise KeyError(SECRET)

    monkeypatch.setattr(gx, "run", quoting)
    [verdict] = validate([planted(tmp_path)], suites)
    assert verdict.status is Status.FAILED
    assert "KeyError at test_privacy.py:" in verdict.message
    assert leaks(verdict.folder) == set()
    assert SECRET not in verdict.message + caplog.text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"Traceback\n  File x\nKeyError: '{SECRET}'", "KeyError"),
        (f"Traceback\n  File x\nValueError: many\n{SECRET}\nlines: {SECRET}", "ValueError"),
        (f"great_expectations.exceptions.MetricResolutionError: {SECRET}", "MetricResolutionError"),
        (f"{SECRET}Error: {SECRET}", "Exception"),
    ],
)
def test_only_names_of_known_classes_come_out_of_a_traceback(text: str, name: str) -> None:
    flat = {"raised_exception": True, "exception_traceback": text, "exception_message": SECRET}
    assert gx_error(flat) == name
    assert gx_error({"a metric": {"raised_exception": False}, "another": flat}) == name
    assert gx_error({"raised_exception": False}) is None
    assert told(KeyError(SECRET)) == "KeyError"
