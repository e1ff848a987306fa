"""Two synthetic worlds: a small one over five nights, and one of the full size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from counterflow.synthetic import Summary, generate


@dataclass(frozen=True)
class World:
    """A folder with exports and truth."""

    out: Path
    summary: Summary

    def truth(self, mission: str, table: str, night: str = "2010-11-25") -> list[dict[str, object]]:
        """The truth of one table."""
        path = self.out / "truth" / night / mission / f"{table}.parquet"
        return list(pq.read_table(path).to_pylist())

    def missions(self) -> list[str]:
        """Every mission that has a folder."""
        return sorted(path.name for path in (self.out / "exports").iterdir())


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Twenty missions, 900 cases, five nights."""
    out = tmp_path_factory.mktemp("small")
    return World(out, generate(out, missions=20, cases=900, seed=3, nights=5))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> World:
    """72 missions, 16,000 cases, one night."""
    out = tmp_path_factory.mktemp("full")
    return World(out, generate(out))
