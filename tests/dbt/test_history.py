"""The lists that history is made from agree: a fact of core without a history is found here."""

from __future__ import annotations

import re

import yaml

from counterflow.warehouse.history import shape
from tests.dbt.small_night import PROJECT

FACTS = set(shape(PROJECT)) - {"case_change", "night"}


def test_every_table_of_cases_has_a_snapshot() -> None:
    """A new fact needs its name in three lists: the macro, the snapshots and the source `earlier`."""
    macro = (PROJECT / "macros" / "history.sql").read_text("utf-8")
    listed = macro.partition("history_facts()")[2].partition("]) }}")[0]
    assert set(re.findall(r"'(\w+)'", listed)) == FACTS
    snapshots = (PROJECT / "snapshots" / "facts.sql").read_text("utf-8")
    made = re.findall(r"{% snapshot history_(\w+) %}{{ history_of\('(\w+)'\) }}", snapshots)
    assert {name for name, _ in made} == FACTS
    assert all(name == fact for name, fact in made)
    earlier = yaml.safe_load((PROJECT / "models/history/_earlier.yml").read_text("utf-8"))
    tables = {table["name"] for table in earlier["sources"][0]["tables"]}
    assert tables == FACTS | {"case_change", "night"}


def test_history_keeps_every_column_but_the_night_of_loading() -> None:
    for fact in FACTS:
        (path,) = (PROJECT / "models" / "core").glob(f"{fact}.yml")
        (model,) = yaml.safe_load(path.read_text("utf-8"))["models"]
        columns = [column["name"] for column in model["columns"]]
        kept = [name for name, _ in shape(PROJECT)[fact]]
        assert kept == [*(c for c in columns if c != "loaded_night"), "valid_from", "valid_until"]
