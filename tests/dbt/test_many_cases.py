"""What is computed of counts holds for any number of cases that the world could have."""

from __future__ import annotations

import re

import duckdb
import pytest

from counterflow.settings import PROJECT

EMERGING = PROJECT / "dbt_project" / "models" / "analysis" / "emerging.sql"


def terms(known: int) -> dict[str, float]:
    """The terms of a mission in which of `known` cases a third are recent, and a tenth have a value."""
    found = re.search(r"mission_term as \((.*?)\n\),", EMERGING.read_text("utf-8"), re.DOTALL)
    assert found is not None
    counts = f"""
        select 'MDA' as mission_code, 'v1' as form_version, 'd' as dimension, 'v' as value, {known}::bigint as known,
            {known // 3}::bigint as recent_known, {known - known // 3}::bigint as past_known,
            {known // 20}::bigint as recent, {known // 20}::bigint as past, {known // 10}::bigint as cases
    """
    rows = duckdb.sql(f"with cell as ({counts}) {found[1]}")
    (values,) = rows.fetchall()
    return dict(zip(rows.columns, values, strict=True))


def test_trends_of_billions_of_cases_do_not_overflow() -> None:
    small, large = terms(600), terms(6_000_000_000)
    for name, term in small.items():
        if name.endswith("_term") or name.startswith("excess"):
            assert large[name] / term == pytest.approx(1e7, rel=0.01), name
