"""Cases to attack: what core holds of a synthetic world on two nights, taken from its truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from counterflow.synthetic import generate
from counterflow.synthetic.missions import MISSIONS

MISSION_COUNT, CASES, SEED = 24, 4000, 7
FIRST = date(2010, 11, 25)


@dataclass(frozen=True, slots=True)
class Nights:
    """The accepted cases of a night and of the next one."""

    first: pa.Table
    second: pa.Table


def nights(folder: Path) -> Nights:
    """Two nights of a small world."""
    generate(folder, MISSION_COUNT, CASES, SEED, 2, FIRST)
    return Nights(_cases(folder, [FIRST]), _cases(folder, [FIRST + timedelta(days=1), FIRST]))


def _cases(folder: Path, newest: list[date]) -> pa.Table:
    """Each mission's cases on the newest night on which it delivered any."""
    parts = []
    for mission in MISSIONS[:MISSION_COUNT]:
        files = (folder / "truth" / f"{night}" / mission.code / "case.parquet" for night in newest)
        table = pq.read_table(next(path for path in files if path.exists()))
        key = [f"{mission.code} {number}" for number in table["case_number"].to_pylist()]
        table = table.drop_columns(["case_number"])
        table = table.append_column("case_key", pa.array(key))
        parts.append(table.append_column("mission_code", pa.array([mission.code] * table.num_rows)))
    return pa.concat_tables(parts)
