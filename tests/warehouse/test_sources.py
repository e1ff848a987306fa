"""What dbt reads together has the same columns, whenever it was landed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.building import landing_schema
from counterflow.landing import OUTCOME, Landing, columns_digest
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.warehouse.sources import write_sources
from tests.support import NIGHT, Agency, export


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path, missions=("ALB", "BLR"))
    for mission in made.missions:
        made.deliver(mission, export())
    for mission in nightly.plan(made.settings, NIGHT).changed:
        nightly.ingest(made.settings, NIGHT, mission)
    nightly.validate(made.settings, NIGHT)
    return made


def sources(agency: Agency) -> Path:
    keys = {code: mission_keys(agency.settings, code) for code in agency.missions}
    write_sources(agency.settings, NIGHT, keys)
    return agency.settings.build / "sources"


def test_an_export_is_linked_and_one_that_was_landed_with_other_columns_is_copied(
    agency: Agency,
) -> None:
    """DuckDB reads encrypted files of different columns not at all; an older export lacks the new ones."""
    seal, schema = Seal.of(agency.settings), landing_schema("case")
    record = Landing(agency.settings.landing, "BLR").record(NIGHT)
    assert record is not None
    folder = Landing(agency.settings.landing, "BLR").path(record.export or "")
    older = seal.read(folder / "case.parquet").drop_columns(["primary_language", "children_band"])
    older = older.append_column("dropped_since", older.column("case_key"))
    seal.write(older, folder / "case.parquet")
    outcome = json.loads((folder / OUTCOME).read_text())
    assert outcome["columns"]["case"] == columns_digest(schema)
    outcome["columns"]["case"] = columns_digest(older.schema)
    (folder / OUTCOME).write_text(json.dumps(outcome))

    found = sources(agency) / "case"
    assert (found / "ALB.parquet").is_symlink()
    assert not (found / "BLR.parquet").is_symlink()
    copied = seal.read(found / "BLR.parquet")
    assert copied.schema.equals(schema)
    assert copied.column("primary_language").null_count == copied.num_rows == 30
    assert copied.column("case_key").equals(older.column("case_key"))
    assert seal.query(f"select * from {seal.scan(found / '*.parquet')}").num_rows == 60


def test_an_export_of_before_columns_were_noted_is_copied(agency: Agency) -> None:
    record = Landing(agency.settings.landing, "ALB").record(NIGHT)
    assert record is not None
    file = Landing(agency.settings.landing, "ALB").path(record.export or "") / OUTCOME
    outcome = json.loads(file.read_text())
    del outcome["columns"]
    file.write_text(json.dumps(outcome))
    found = sources(agency)
    assert not (found / "case" / "ALB.parquet").is_symlink()
    assert (found / "case" / "BLR.parquet").is_symlink()


def test_what_a_contract_compiled_to_is_written_again_only_if_it_is_another(agency: Agency) -> None:
    def kept() -> dict[str, int]:
        folder = Landing(agency.settings.landing, "ALB").folder / "contract"
        return {path.name: path.stat().st_ino for path in sorted(folder.glob("*.parquet"))}

    sources(agency)
    first = kept()
    sources(agency)
    assert kept() == first
    (Landing(agency.settings.landing, "ALB").folder / "contract" / "asked.parquet").unlink()
    sources(agency)
    assert kept().keys() == first.keys()

    before = kept()
    file = agency.settings.missions / "ALB.yml"
    file.write_text(file.read_text("utf-8").replace("name: ", "name: The other ", 1), "utf-8")
    sources(agency)
    assert all(before[name] != now for name, now in kept().items())
