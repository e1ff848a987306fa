"""A published warehouse for the tests of the site, made of what dbt's contracts promise: every table, and rows by hand.

No export, no dbt: what a page shows stands in the test that looks at it. Labels are hostile on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from counterflow.settings import PROJECT, Settings
from counterflow.warehouse.published import published

NIGHT = "2010-11-25"
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'`${7*7}{{7*7}}"
COUNTED = {
    "unknown": 3,
    "not_asked": 40,
    "left_out": 5,
    "not_applicable": 0,
    "missions": 2,
    "largest_mission_share": 0.6,
}


def installation(root: Path, **more: Any) -> Settings:
    """A home with nothing in it."""
    return Settings(home=root / "home", exports=root / "e", missions=root / "m", **more)


def publish(
    settings: Settings, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Path:
    """Publish every promised table with these rows; columns that a row leaves out are filled with something."""
    path = settings.warehouse / "warehouse.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    given = {**ROWS, **(rows or {})}
    seeds = PROJECT / "dbt_project" / "seeds"
    with duckdb.connect(str(path)) as connection:
        for schema in ("core", "analysis", "quality", "history"):
            connection.execute(f"create schema {schema}")
        for name, table in published().items():
            columns = ", ".join(f'"{c}" {kind}' for c, kind in table.columns.items())
            connection.execute(f"create table {name} ({columns})")
            connection.execute(f"comment on table {name} is {_text(table.comment)}")
            for column, comment in table.comments.items():
                connection.execute(f'comment on column {name}."{column}" is {_text(comment)}')
            for row in given.get(name, ()):
                whole = {c: _something(kind) for c, kind in table.columns.items()} | {
                    c: value for c, value in row.items() if c in table.columns or c not in COUNTED
                }
                marks = ", ".join("?" for _ in whole)
                names = ", ".join(f'"{c}"' for c in whole)
                connection.execute(
                    f"insert into {name} ({names}) values ({marks})", list(whole.values())
                )
        for seed, name in (("code", "core.dim_code"), ("country", "core.dim_country")):
            connection.execute(
                f"insert into {name} by name select * from read_csv('{seeds / seed}.csv', all_varchar = true, header = true)"
            )
        said = [
            (n, " ".join(t.comment.split()).partition("Caveat: ")[2])
            for n, t in published().items()
        ]
        connection.executemany("insert into analysis.caveat values (?, ?)", said)
        connection.execute(
            "create macro history.fct_case_as_of(night) as table select * from core.fct_case"
        )
    return path


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _something(kind: str) -> Any:
    return {"VARCHAR": "unknown", "DATE": NIGHT, "DOUBLE": 0.5, "BOOLEAN": False}.get(kind, 1)


def _rate(numerator: int, denominator: int, **more: Any) -> dict[str, Any]:
    few = denominator < 20
    return {
        "numerator": numerator, "denominator": denominator, "rate": None if few else numerator / denominator,
        "rate_note": "too_few" if few else None, **COUNTED, **more,
    }  # fmt: skip


def _profile(value: str, numerator: int, denominator: int, **more: Any) -> dict[str, Any]:
    return _rate(
        numerator,
        denominator,
        period="all",
        period_kind="all",
        dimension="age_band",
        value=value,
        **more,
    )


ROWS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "core.dim_mission": [{"mission_code": "MDA", "mission_name": EVIL, "region": EVIL}],
    "core.dim_code": [
        {"code_list": "case_status", "code": "hostile", "label": EVIL, "definition": EVIL, "source": EVIL}
    ],
    "core.fct_case": [
        {"case_key": f"{n:032x}", "mission_code": "MDA", "gender": "feminine", "citizenship": "MDA", "country_of_exploitation": "RUS", "registration_year": 2009}
        for n in range(30)
    ],
    "core.fct_local_attribute": [{"case_key": "0" * 32, "mission_code": "MDA", "field": "shelter", "value": "x", "label": EVIL}],
    "quality.load": [
        {"night": NIGHT, "mission_code": "MDA", "status": "loaded", "is_stale": False},
        {"night": NIGHT, "mission_code": "UKR", "status": "late", "is_stale": True},
    ],
    "quality.field_coverage": [{"table_name": "case", "field": "gender", "item": "", "answered": 25, "unknown": 5, "not_asked": 7, "not_applicable": 0}],
    "analysis.profiles": [
        _rate(20, 25, period_kind="window", period="2005-2007", group_by="all", dimension="gender", value="feminine"),
        _rate(10, 30, period_kind="window", period="2008-2010", group_by="all", dimension="gender", value="feminine"),
        _profile("9-17", 12, 40, group_by="gender", group_value="feminine"),
        _profile("18-20", 28, 40, group_by="gender", group_value="feminine"),
        _profile("18-20", 4, 9, group_by="gender", group_value="masculine"),
    ],
    "analysis.routes": [
        _rate(30, 50, from_country=start, to_country=end, is_exploitation_corridor=True, crosses_border="yes", cases=31)
        for start, end in (("MDA", "RUS"), ("UKR", "TUR"), ("IDN", "MYS"))
    ],
    "analysis.process": [
        _rate(9, 30, age_group="all", exploitation="forced_labour", dimension="case_status", value="hostile")
    ],
    "analysis.representation": [
        {"measure": "women", "period": "2005-2007", "reference": "a", "share": 0.7, "share_low": 0.6, "share_high": 0.8, "denominator": 90, "reference_share": 0.75}
    ],
}  # fmt: skip
