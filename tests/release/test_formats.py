"""CSV, Parquet and Stata hold the same, and the same values give the same bytes."""

from __future__ import annotations

import stat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.release import formats
from tests.release.world import NIGHT

WORDS = st.text("abcdefghijklmnopqrstuvwxyz_0123456789+- ,\"'", min_size=1, max_size=20).filter(
    lambda word: word.strip() == word and word != ""
)


def table(rows: list[tuple[str, str, int]]) -> pa.Table:
    names = ("gender", "citizenship", formats.COUNT)
    listed = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table({
        name: pa.array(list(values), pa.int64() if name == formats.COUNT else pa.string())
        for name, values in zip(names, listed, strict=True)
    })  # fmt: skip


MOST = 2_147_483_620  # Stata's largest whole number of 32 bits
ROWS = st.lists(st.tuples(WORDS, WORDS, st.integers(11, MOST)), min_size=1, max_size=30)


@settings(max_examples=15)
@given(ROWS)
def test_all_formats_give_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    made = table(rows)
    formats.write(made, folder, "t", {"gender": "Gender"}, NIGHT)
    for kind in formats.FORMATS:
        assert formats.read(folder, "t", kind) == made


def test_codes_that_look_like_something_else_stay_text(tmp_path: Path) -> None:
    """Namibia is NA, and -99, 1e5, 007 and true are no numbers here."""
    made = table([("NA", "-99", 11), ("NaN", "1e5", 12), ("null", "007", 13), ("true", "48+", 14)])
    formats.write(made, tmp_path, "t", {}, NIGHT)
    for kind in formats.FORMATS:
        assert formats.read(tmp_path, "t", kind) == made


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    made = table([("feminine", "MDA", 12), ("masculine", "all", 30)])
    for name in ("one", "two"):
        formats.write(made, tmp_path / name, "t", {"gender": "Gender"}, NIGHT)
    for kind in formats.FORMATS:
        assert (tmp_path / f"one/t.{kind}").read_bytes() == (
            tmp_path / f"two/t.{kind}"
        ).read_bytes()


def test_stata_has_labels(tmp_path: Path) -> None:
    formats.write(table([("suppressed", "MDA", 12)]), tmp_path, "t", {"gender": "Gender"}, NIGHT)
    with pd.read_stata(tmp_path / "t.dta", iterator=True) as reader:
        assert reader.variable_labels()["gender"] == "Gender"
        reader.read()
        assert "suppressed" in {
            v for labels in reader.value_labels().values() for v in labels.values()
        }


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_cell_is_no_value(value: str | None) -> None:
    with pytest.raises(ValueError, match="gender has an empty cell"):
        formats.typed(["gender"], [[value]])


def test_what_is_frozen_can_be_read_and_not_written(tmp_path: Path) -> None:
    formats.write(table([("feminine", "MDA", 12)]), tmp_path / "data", "t", {}, NIGHT)
    formats.freeze(tmp_path)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()}
    assert modes == {0o444}
