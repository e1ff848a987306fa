"""A small `build/sources` tree for dbt: rows are said in tests as they would be landed, files are written as ingest writes them.

In: landed rows, code maps, forms and verdicts, one call each. Out: the Parquet of docs/internals.md, section 7.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from counterflow import canonical

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
NIGHT = date(2010, 11, 25)
TYPES = {
    "text": pa.string(),
    "int64": pa.int64(),
    "date": pa.date32(),
    "bool": pa.bool_(),
    "double": pa.float64(),
}

# Columns of the sources that are one file each.
OTHERS: dict[str, dict[str, str]] = {
    "mission": dict.fromkeys(
        ("mission_code", "mission_name", "region", "languages", "dialect", "steward", "cadence"),
        "text",
    ),
    "load": {
        "night": "date",
        "mission_code": "text",
        "status": "text",
        "export_sha256": "text",
        "export": "text",
        "rows_read": "int64",
        "rows_accepted": "int64",
        "rows_quarantined": "int64",
        "rows_withheld": "int64",
        "rows_blank": "int64",
        "is_stale": "bool",
        "message": "text",
        "withheld_no_consent": "int64",
        "withheld_consent_unknown": "int64",
        "withheld_consent_withdrawn": "int64",
        "loaded_night": "date",
    },
    "failure": {
        "mission_code": "text",
        "table_name": "text",
        "source": "text",
        "source_row": "int64",
        "rule_id": "text",
    },
    "rule_result": {
        "night": "date",
        "mission_code": "text",
        "table_name": "text",
        "rule_id": "text",
        "severity": "text",
        "status": "text",
        "rows_checked": "int64",
        "rows_failed": "int64",
    },
    "signal": {
        "night": "date",
        "mission_code": "text",
        "kind": "text",
        "table_name": "text",
        "field": "text",
        "detail": "text",
        "rows": "int64",
    },
    "code_map": dict.fromkeys(
        ("mission_code", "table_name", "field", "local_code", "code", "relation", "label"), "text"
    ),
    "form_version": {
        "mission_code": "text",
        "form_version": "text",
        "valid_from": "date",
        "valid_until": "date",
    },
    "asked": {
        "mission_code": "text",
        "form_version": "text",
        "table_name": "text",
        "field": "text",
        "item": "text",
        "mode": "text",
        "not_chosen": "text",
        "is_asked": "bool",
        "relation": "text",
    },
    "dbt_result": {
        "unique_id": "text",
        "resource_type": "text",
        "name": "text",
        "status": "text",
        "failures": "int64",
        "table_name": "text",
    },
}
ROWS = {"mission_code": "text", "source": "text", "source_row": "int64", "case_key": "text"}
WITHHELD = dict.fromkeys(("mission_code", "case_key", "reason"), "text")


@dataclass
class Sources:
    """The sources of one night, growing call by call; `write` makes the files."""

    home: Path
    night: date
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def land(self, mission: str, table: str, row: int, case: str | None, **values: Any) -> None:
        """One landing row of `table`, from row `row` of the source `values['source']` (the table itself)."""
        values.setdefault("source", table)
        self.tables[table].append(
            {"mission_code": mission, "source_row": row, "case_key": case, **values}
        )

    def put(self, name: str, **values: Any) -> None:
        """One row of a source that is one file."""
        self.tables[name].append(values)

    def mission(self, code: str, status: str = "loaded", **load: Any) -> None:
        """A mission and its load of the night; counts not given are 0."""
        self.put("mission", mission_code=code, mission_name=code.title(), region="Europe")
        counts = {name: 0 for name in OTHERS["load"] if name.startswith(("rows_", "withheld_"))}
        self.put(
            "load",
            **{
                "night": self.night,
                "mission_code": code,
                "status": status,
                "export_sha256": "0" * 64,
                "export": "0" * 16,
                "is_stale": False,
                "message": "",
                "loaded_night": self.night,
                **counts,
                **load,
            },
        )

    def codes(self, mission: str, column: str, codes: dict[str, str], **values: Any) -> None:
        """Local codes of `table.field` and what they mean."""
        table, name = column.split(".")
        for local, code in codes.items():
            self.put(
                "code_map",
                mission_code=mission,
                table_name=table,
                field=name,
                local_code=local,
                code=code,
                **{"relation": "exact", "label": None, **values},
            )

    def form(self, mission: str, version: str, *columns: str, **values: Any) -> None:
        """Fields (`case.gender`) or items (`control.means_of_control.debt_bondage`) that the form asks."""
        if not any(
            (row["mission_code"], row["form_version"]) == (mission, version)
            for row in self.tables["form_version"]
        ):
            self.put("form_version", mission_code=mission, form_version=version)
        for column in columns:
            table, name, *item = column.split(".")
            self.put(
                "asked",
                **{
                    "mission_code": mission,
                    "form_version": version,
                    "table_name": table,
                    "field": name,
                    "item": item[0] if item else None,
                    "mode": None,
                    "not_chosen": None,
                    "is_asked": True,
                    "relation": None,
                    **values,
                },
            )

    def fail(self, mission: str, source: str, row: int, rule: str) -> None:
        """A critical rule that a source row failed."""
        self.put(
            "failure",
            mission_code=mission,
            table_name=rule.split(".")[0],
            source=source,
            source_row=row,
            rule_id=rule,
        )

    def write(self) -> None:
        """The Parquet files, a mission a file where ingest lands one a mission."""
        landed: dict[tuple[str, str, int], dict[str, Any]] = {}
        for table in canonical.TABLES:
            columns = canonical.landing_columns(table)
            rows = self.tables[table]
            for row in rows:
                key = (row["mission_code"], row["source"], row["source_row"])
                landed[key] = {name: row[name] for name in ROWS}
            self._write_by_mission(table, columns, rows)
        self._write_by_mission("rows", ROWS, list(landed.values()))
        self._write_by_mission("withheld", WITHHELD, self.tables["withheld"])
        for name, columns in OTHERS.items():
            if name != "dbt_result":
                self._file(name, name, columns, self.tables[name])

    def _write_by_mission(
        self, name: str, columns: dict[str, str], rows: list[dict[str, Any]]
    ) -> None:
        by_mission: dict[str, list[dict[str, Any]]] = {"_empty": []}
        for row in rows:
            by_mission.setdefault(row["mission_code"], []).append(row)
        for mission, its_rows in by_mission.items():
            self._file(name, mission, columns, its_rows)

    def _file(
        self, name: str, stem: str, columns: dict[str, str], rows: list[dict[str, Any]]
    ) -> None:
        schema = pa.schema([(column, TYPES[kind]) for column, kind in columns.items()])
        for row in rows:
            unknown = set(row) - set(columns)
            assert not unknown, f"{name} has no column {unknown}"
        path = self.home / "build" / "sources" / name / f"{stem}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def a_night(home: Path) -> Sources:
    """Three missions: MDA sends one flat sheet, UKR related tables, SEN nothing for two nights.

    MDA's form changed: v1 lists means of control of which an unchosen one says nothing; on v2 the worker
    answers every item, and debt bondage is new. UKR asks each means, has flags of its own and asks where a case
    was registered. SEN's form asks gender alone.
    """
    sources = Sources(home, NIGHT)

    sources.mission(
        "MDA", rows_read=12, rows_accepted=3, rows_quarantined=4, rows_withheld=3, rows_blank=2,
        withheld_no_consent=1, withheld_consent_unknown=2,
    )  # fmt: skip
    flat = (
        "case.gender", "case.age_band", "citizenship.citizenship", "exploitation.exploitation_type",
        "exploitation.labour_sector",
    )  # fmt: skip
    for version, answer in (("v1", "unknown"), ("v2", "no")):
        sources.form("MDA", version, *flat, mode="chosen", not_chosen=answer)
        sources.form("MDA", version, "case.country_of_exploitation", relation="last_exploitation")
    means = [f"control.means_of_control.{item}" for item in ("physical_threats", "takes_earnings")]
    sources.form("MDA", "v1", *means, mode="chosen", not_chosen="unknown")
    means.append("control.means_of_control.debt_bondage")
    sources.form("MDA", "v2", *means, mode="chosen", not_chosen="no")
    sources.codes("MDA", "case.gender", {"F": "feminine", "M": "masculine"})
    sources.codes("MDA", "case.age_band", {"9-17": "9-17", "18-20": "18-20"})
    countries = {"Moldova": "MDA", "România": "ROU", "Rusia": "RUS", "-99": "unknown"}
    sources.codes("MDA", "citizenship.citizenship", countries)
    sources.codes("MDA", "case.country_of_exploitation", countries)
    sources.codes("MDA", "exploitation.country", countries)
    sources.codes(
        "MDA",
        "exploitation.exploitation_type",
        {"muncă": "forced_labour", "sexuală": "sexual_exploitation"},
    )
    sources.codes("MDA", "exploitation.labour_sector", {"construcții": "f_construction"})
    sources.codes(
        "MDA",
        "control.means_of_control",
        {"datorie": "debt_bondage", "amenințări": "physical_threats", "bani": "takes_earnings"},
    )

    def flat_row(row: int, case: str, **values: object) -> None:
        sources.land("MDA", "case", row, case, **values)

    def part(table: str, row: int, case: str, **values: object) -> None:
        sources.land("MDA", table, row, case, source="case", **values)

    # a: forced labour in Russia, recorded on v2
    flat_row(
        1, "mda-a", form_version="v2", registered_month=date(2009, 5, 1), gender="M",
        age_band="18-20", country_of_exploitation="Rusia",
    )  # fmt: skip
    part("citizenship", 1, "mda-a", citizenship="România", citizenship_number=1)
    part("citizenship", 1, "mda-a", citizenship="Moldova", citizenship_number=2)
    part(
        "exploitation",
        1,
        "mda-a",
        exploitation_type="muncă",
        labour_sector="construcții",
        country="Rusia",
    )
    part("control", 1, "mda-a", means_of_control="datorie")
    # b: a child, at home, recorded on v1, with nothing chosen
    flat_row(
        2, "mda-b", form_version="v1", registered_month=date(2007, 1, 1), gender=None,
        age_band="9-17", country_of_exploitation="Moldova",
    )  # fmt: skip
    part("citizenship", 2, "mda-b", citizenship="Moldova", citizenship_number=1)
    # c: on v1, one means chosen; then the same case number again, the same row (repeat)
    for row in (3, 4):
        flat_row(
            row, "mda-c", form_version="v1", registered_month=date(2007, 2, 1), gender="F",
            age_band=None, country_of_exploitation="-99",
        )  # fmt: skip
        part("citizenship", row, "mda-c", citizenship="-99", citizenship_number=1)
        part("exploitation", row, "mda-c", exploitation_type="sexuală")
        part("control", row, "mda-c", means_of_control="amenințări")
    sources.fail("MDA", "case", 4, "case.key_repeat")
    # d: two rows that disagree; e: a code that nobody mapped
    for row in (5, 6):
        flat_row(row, "mda-d", form_version="v2", registered_month=date(2010, 1, 1), gender="M")
        sources.fail("MDA", "case", row, "case.key_conflict")
    flat_row(7, "mda-e", form_version="v2", gender="#0123456789abcdef0123456789abcdef")
    part("control", 7, "mda-e", means_of_control="datorie")
    sources.fail("MDA", "case", 7, "case.gender_mapped")

    sources.mission("UKR", rows_read=22, rows_accepted=14, rows_quarantined=8)
    sources.form(
        "UKR", "", "case.gender", "case.is_sexual_exploitation", "case.is_forced_labour", "case.case_status",
        "exploitation.exploitation_type", "recruitment.recruitment_method",
        "route_leg.from_country", "route_leg.to_country", "perpetrator.role", "perpetrator.gender",
        "perpetrator.citizenship", "assistance.service_type",
    )  # fmt: skip
    sources.form("UKR", "", "case.country_of_exploitation", relation="registration")
    means = [
        f"control.means_of_control.{item}" for item in ("physical_threats", "debt_bondage", "other")
    ]
    sources.form("UKR", "", *means, mode="each")
    sources.form(
        "UKR", "", "vulnerability.factor.poverty", "vulnerability.factor.migration", mode="each"
    )
    yes_no = {"1": "yes", "0": "no", "-99": "unknown"}
    for column in (
        "case.is_sexual_exploitation",
        "case.is_forced_labour",
        "control.answer",
        "vulnerability.answer",
    ):
        sources.codes("UKR", column, yes_no)
    sources.codes("UKR", "case.gender", {"ж": "feminine", "ч": "masculine"})
    sources.codes("UKR", "perpetrator.gender", {"ж": "feminine", "ч": "masculine"})
    sources.codes("UKR", "case.case_status", {"закрито": "closed"})
    for column in ("citizenship.citizenship", "case.country_of_exploitation", "route_leg.from_country", "route_leg.to_country", "perpetrator.citizenship"):  # fmt: skip
        sources.codes("UKR", column, {"UA": "UKR", "TR": "TUR", "RU": "RUS", "PL": "POL"})
    sources.codes(
        "UKR",
        "exploitation.exploitation_type",
        {"праця": "forced_labour", "секс": "sexual_exploitation"},
    )
    sources.codes(
        "UKR", "control.means_of_control",
        {"погрози": "physical_threats", "загрози": "physical_threats", "борг": "debt_bondage", "інше": "other"},
    )  # fmt: skip
    sources.codes("UKR", "recruitment.recruitment_method", {"робота": "at_work"})
    sources.codes(
        "UKR", "perpetrator.role", {"перевізник": "transporter", "експлуататор": "exploiter"}
    )
    sources.codes("UKR", "vulnerability.factor", {"бідність": "poverty", "міграція": "migration"})
    sources.codes("UKR", "assistance.service_type", {"мед": "health"})
    sources.codes(
        "UKR", "local_attribute.value", {"seasonal=так": "yes"}, label="Left for seasonal work"
    )

    ukr = "UKR"
    sources.land(
        ukr, "case", 1, "ukr-a", form_version=None, registered_month=date(2010, 3, 1), gender="ж",
        is_sexual_exploitation="0", is_forced_labour="-99", country_of_exploitation="TR", case_status="закрито",
    )  # fmt: skip
    sources.land(ukr, "case", 2, "ukr-b", form_version=None, registered_month=None, gender="ч")
    sources.fail(ukr, "case", 2, "case.registered_on_readable")
    sources.land(ukr, "citizenship", 1, "ukr-a", citizenship="UA")
    sources.land(ukr, "exploitation", 1, "ukr-a", exploitation_type="праця", start_year=2009)
    sources.land(ukr, "exploitation", 2, "ukr-a", exploitation_type="секс")
    sources.land(ukr, "exploitation", 3, "ukr-a", exploitation_type="#" + "f" * 32)
    sources.fail(ukr, "exploitation", 3, "exploitation.exploitation_type_mapped")
    sources.land(ukr, "control", 1, "ukr-a", means_of_control="погрози", answer="0")
    sources.land(ukr, "control", 2, "ukr-a", means_of_control="загрози", answer="1")
    sources.land(ukr, "control", 3, "ukr-a", means_of_control="борг", answer="0")
    sources.land(ukr, "control", 4, "ukr-b", means_of_control="борг", answer="1")
    sources.land(
        ukr, "control", 5, "ukr-x", means_of_control="борг", answer="1", case_reading="orphan"
    )
    sources.fail(ukr, "control", 5, "control.case_known")
    sources.land(ukr, "recruitment", 1, "ukr-a", recruitment_method="робота")
    # legs without a number: the first is not accepted, and the second keeps its place
    sources.land(ukr, "route_leg", 1, "ukr-a", from_country="UA", to_country="#" + "e" * 32)
    sources.fail(ukr, "route_leg", 1, "route_leg.to_country_mapped")
    sources.land(ukr, "route_leg", 2, "ukr-a", from_country="PL", to_country="TR", year=2009)
    sources.land(
        ukr,
        "perpetrator",
        1,
        "ukr-a",
        perpetrator_number=1,
        role="перевізник",
        gender="ч",
        citizenship="RU",
    )
    sources.land(
        ukr,
        "perpetrator",
        2,
        "ukr-a",
        perpetrator_number=1,
        role="експлуататор",
        gender="ч",
        citizenship="RU",
    )
    sources.land(ukr, "vulnerability", 1, "ukr-a", factor="бідність", answer="1")
    sources.land(ukr, "assistance", 1, "ukr-a", service_type="мед", started_month=date(2010, 4, 1))
    sources.land(ukr, "local_attribute", 1, "ukr-b", field="seasonal", value="seasonal=так")
    sources.land(ukr, "local_attribute", 2, "ukr-a", field="seasonal", value="seasonal=так")
    for row in (6, 7):
        sources.land(
            ukr, "control", row, None, means_of_control="борг", answer="1", case_reading="blank"
        )
        sources.fail(ukr, "control", row, "control.case_present")

    sources.mission(
        "SEN", "late", rows_read=0, is_stale=True, loaded_night=date(2010, 11, 20), message="No export for 5 nights."
    )  # fmt: skip
    sources.put(
        "load", night=date(2010, 11, 20), mission_code="SEN", status="loaded", is_stale=False,
        loaded_night=date(2010, 11, 20), message="", rows_read=1, rows_accepted=1, rows_quarantined=0,
        rows_withheld=0, rows_blank=0, withheld_no_consent=0, withheld_consent_unknown=0, withheld_consent_withdrawn=0,
    )  # fmt: skip
    sources.form("SEN", "v1", "case.gender")
    sources.land("SEN", "case", 1, "sen-a", form_version="v1", registered_month=date(2008, 7, 1))

    for mission, status in (("MDA", "passed"), ("MDA", "failed"), ("UKR", "passed")):
        sources.put(
            "rule_result", night=NIGHT, mission_code=mission, table_name="case", rule_id=f"case.{status}_one",
            severity="critical", status=status, rows_checked=7, rows_failed=int(status == "failed"),
        )  # fmt: skip
    sources.put(
        "signal", night=NIGHT, mission_code="MDA", kind="unmapped_code", table_name="case", field="gender",
        detail="1 value", rows=1,
    )  # fmt: skip
    return sources


def dbt(home: Path, night: date, *command: str) -> dbtRunnerResult:
    """Run dbt in this process as the nightly run does.

    The night goes by environment: a variable that changes makes dbt read the whole project anew.
    """
    target = str(home / "build" / "dbt")
    project = str(PROJECT)
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target)  # fmt: skip
    environment = {"COUNTERFLOW_HOME": str(home), "COUNTERFLOW_NIGHT": night.isoformat()}
    with mock.patch.dict(os.environ, environment):
        return dbtRunner().invoke(["--quiet", *command, *folders])


def let_go() -> None:
    """Close dbt's DuckDB files: it keeps them open between runs of one process, which spares it reopening them."""
    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


def write_dbt_results(home: Path) -> None:
    """The source `dbt_result`, from the results of the first half of the build."""
    results = json.loads((home / "build" / "dbt" / "run_results.json").read_text())["results"]
    rows = [
        {
            "unique_id": result["unique_id"],
            "resource_type": result["unique_id"].split(".")[0],
            "name": result["unique_id"].split(".")[2],
            "status": result["status"],
            "failures": result["failures"],
            "table_name": result.get("relation_name"),
        }
        for result in results
    ]
    Sources(home, date.min)._file("dbt_result", "dbt_result", OTHERS["dbt_result"], rows)


def build(sources: Sources) -> list[dbtRunnerResult]:
    """Both halves of a night's build, as the nightly run makes them."""
    sources.write()
    no_unit_tests = ("--exclude-resource-type", "unit_test")
    facts = dbt(sources.home, sources.night, "build", "--selector", "facts", *no_unit_tests)
    if facts.result is not None:
        write_dbt_results(sources.home)
    quality = dbt(sources.home, sources.night, "build", "--selector", "quality", *no_unit_tests)
    let_go()
    return [facts, quality]
