"""A small published warehouse of five nights with two bad missions, written by hand; its texts are hostile.

The tables have the columns that dbt publishes (`warehouse.published`), so that a page asks for nothing that is not there.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from counterflow.warehouse.published import published
from tests.support import CONTRACT

NIGHTS = [date(2010, 11, 25) + timedelta(days=number) for number in range(5)]
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
MISSIONS = {
    "ALB": "Albania",
    "BLR": "Belarus",
    "CIV": f"Côte {EVIL}",
    "MDA": "Moldova",
    "SYR": "Syria",
    "UKR": "Ukraine",
}
BAD = {"BLR": "refused", "UKR": "late"}
_TABLES = (
    "core.dim_mission",
    "core.dim_country",
    "quality.load",
    "quality.rule_result",
    "quality.issue",
    "quality.field_coverage",
    "quality.comparability",
    "quality.score",
)


def settings(root: Path) -> Settings:
    """A home with contracts; nothing is published yet."""
    made = Settings(root / "home", root / "exports", root / "missions", pages_built=("all",))
    made.missions.mkdir(parents=True)
    made.home.mkdir()
    for code in MISSIONS:
        languages = {"SYR": "ar", "CIV": "fr", "MDA": "ro"}.get(code, "en")
        text = CONTRACT.format(mission=code, encoding="utf-8").replace(
            "languages: [en]", f"languages: [{languages}]"
        )
        text = text.replace("Testland", f"'{EVIL.replace(chr(39), chr(39) * 2)}'").replace(
            "free text", EVIL
        )
        (made.missions / f"{code}.yml").write_text(text, "utf-8")
    (made.missions / "UKR.yml").write_text(
        "mission: UKR\nnoo: 1\n", "utf-8"
    )  # one that cannot be used
    return made


def publish(made: Settings, nights: list[date] | None = None) -> None:
    """Write the warehouse of these nights and its manifest."""
    shown = NIGHTS if nights is None else nights
    made.warehouse.mkdir(parents=True, exist_ok=True)
    aside = made.warehouse / "aside.duckdb"
    with duckdb.connect(str(aside)) as connection:
        for schema in ("core", "quality"):
            connection.execute(f"create schema {schema}")
        for name in _TABLES:
            columns = ", ".join(f'"{c}" {kind}' for c, kind in published()[name].columns.items())
            connection.execute(f"create table {name} ({columns})")
        for table, row in [one for night in shown for one in _of(night)] + _standing(shown):
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"insert into {table} ({names}) values ({marks})", list(row.values())
            )
    aside.replace(made.warehouse / "warehouse.duckdb")
    last = shown[-1] if shown else NIGHTS[0]
    write_manifest(made.warehouse / MANIFEST, Build(last, f"{len(shown):016x}", {}, (), 1.0))


def _of(night: date) -> list[tuple[str, dict[str, Any]]]:
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, code in enumerate(MISSIONS):
        bad = BAD.get(code) if night >= NIGHTS[3] else None
        status = bad or ("loaded" if (night.day + number) % 2 else "unchanged")
        said = (
            f"{code}: export refused (bad_archive): {EVIL}. See docs/runbooks/mission_refused.md"
            if bad == "refused"
            else f"{code}: late. See docs/runbooks/mission_late.md"
            if bad
            else None
        )
        rows.append(("quality.load", {
            "night": night, "mission_code": code, "status": status, "rows_read": 1200 + number, "rows_accepted": 1100,
            "rows_quarantined": 40 + number, "rows_withheld": 50, "rows_blank": 10, "withheld_no_consent": 30,
            "withheld_consent_unknown": 15, "withheld_consent_contradictory": 5, "is_stale": bad is not None,
            "loaded_night": NIGHTS[2] if bad else night, "days_since_success": (night - NIGHTS[2]).days if bad else 0, "message": said,
        }))  # fmt: skip
        for rule, severity, state, failed in (
            ("case.gender_mapped", "critical", "failed", 17), ("case.registered_on_readable", "critical", "failed", 9),
            ("case.key_conflict", "critical", "failed", 4), ("case.registered_on_present", "warning", "failed", 30),
            ("case.key_present", "critical", "passed", 0), ("control.case_known", "critical", "not_applicable", 0),
        ):  # fmt: skip
            rows.append(
                (
                    "quality.rule_result",
                    {
                        "night": night,
                        "mission_code": code,
                        "table_name": rule.partition(".")[0],
                        "rule_id": rule,
                        "severity": severity,
                        "status": state,
                        "rows_checked": 300,
                        "rows_failed": failed,
                    },
                )
            )
        for kind, field, detail, count in (
            ("unmapped_code", "gender", "#0123456789abcdef0123456789abcdef", 17), ("unmapped_consent", "from", "#fedcba9876543210fedcba9876543210", 6),
            ("unknown_column", "", EVIL, 300), ("form_versions_mixed", "is_forced_labour", "v1", 8), ("mapping_never_used", "gender", "of 4 codes no accepted row holds `X`", 1),
            ("something_new", "", "of tomorrow", 1),
        ):  # fmt: skip
            rows.append(
                (
                    "quality.issue",
                    {
                        "night": night,
                        "mission_code": code,
                        "kind": kind,
                        "table_name": "case",
                        "field": field,
                        "detail": detail,
                        "rows": count,
                    },
                )
            )
    return rows


def _standing(nights: list[date]) -> list[tuple[str, dict[str, Any]]]:
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, (code, name) in enumerate(MISSIONS.items()):
        if code == "SYR":  # of the others no other name is known
            country = {"country_code": code, "country_code2": "SY"}
            rows.append(("core.dim_country", country))
        rows.append(
            (
                "core.dim_mission",
                {
                    "mission_code": code,
                    "mission_name": name,
                    "region": "Eastern Europe",
                    "steward": "test-desk",
                },
            )
        )
        if nights:
            rows.append(
                (
                    "quality.score",
                    {
                        "mission_code": code,
                        "night": nights[-1],
                        "score": 95.5 - 7 * number,
                        "components": '{"completeness": 0.9, "validity": null, "conformity": 0.97, "timeliness": 1.0}',
                    },
                )
            )
        for table, field, answered, unknown in (
            ("case", "gender", 280, 5),
            ("case", "is_forced_labour", 60, 240),
            ("control", "means_of_control", 200, 30),
        ):
            rows.append(
                (
                    "quality.field_coverage",
                    {
                        "table_name": table,
                        "field": field,
                        "item": "",
                        "mission_code": code,
                        "form_version": "v1",
                        "cases": 300,
                        "yes": 0,
                        "no": 0,
                        "answered": answered,
                        "unknown": unknown,
                        "not_asked": 300 - answered - unknown,
                        "not_applicable": 0,
                    },
                )
            )
        for field, relation, note in (
            ("case.gender", "close", EVIL),
            ("case.education", "none", None),
            ("case.age_band", "exact", None),
        ):
            rows.append(
                (
                    "quality.comparability",
                    {
                        "field": field,
                        "item": "",
                        "mission_code": code,
                        "relation": relation,
                        "since": None,
                        "note": note,
                    },
                )
            )
    return rows
