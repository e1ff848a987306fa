"""The notebooks of the docs run from top to bottom on a published warehouse, say what they may say, and change nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from counterflow.settings import PROJECT

NOTEBOOKS = sorted((PROJECT / "docs" / "notebooks").glob("*.py"))


@contextmanager
def run(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a notebook shows, as text, and the names that its cells define; its warehouse is closed after."""
    spec = importlib.util.spec_from_file_location(f"notebook_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outputs, names = module.app.run()
    try:
        shown = (one.text if hasattr(one, "text") else str(one) for one in outputs)
        yield "\n".join(shown), dict(names)
    finally:
        names["warehouse"].close()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_answers_with_its_caveat(environment: dict[str, str], path: Path) -> None:
    with run(path) as (text, names):
        keys = names["warehouse"].execute("select case_key from core.fct_case").fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            names["warehouse"].execute("create table core.mine (a int)")
    for said in ("Caveat.", "never prevalence", "internal", "unknown"):
        assert said in text
    assert len(keys) > 50
    assert not any(key in text for (key,) in keys)


def test_the_notebook_on_control_shows_that_the_wrong_denominator_is_wrong(
    environment: dict[str, str],
) -> None:
    with run(PROJECT / "docs" / "notebooks" / "control.py") as (_, names):
        means = names["means"]
    assert (means["numerator"] <= means["denominator"]).all()
    outside = means["unknown"] + means["not_asked"] + means["left_out"]
    assert (means["denominator"] + outside == means["cases"]).all()
    known = means.dropna(subset=["rate", "wrong_rate"])
    assert len(known)
    assert (known["wrong_rate"] >= known["rate"]).mean() > 0.5


def test_the_notebook_on_women_takes_the_change_apart(environment: dict[str, str]) -> None:
    with run(PROJECT / "docs" / "notebooks" / "women.py") as (_, names):
        changes = names["changes"].dropna(subset=["change"])
    assert len(changes)
    parts = changes["within_missions"] + changes["mix_of_missions"]
    assert (abs(parts - changes["change"]) < 0.002).all()


def test_marimo_finds_nothing_to_mend() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", *map(str, NOTEBOOKS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(NOTEBOOKS) == 2
