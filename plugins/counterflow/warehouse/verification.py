"""All gates that need nothing but the published file: is what analysts open whole and closed?"""

from __future__ import annotations

from datetime import date

import duckdb

from counterflow import sealing
from counterflow.settings import Settings
from counterflow.warehouse import lake
from counterflow.warehouse.gates import GateResult, told
from counterflow.warehouse.hashes import comparable, content_hashes
from counterflow.warehouse.leaks import Looked
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest
from counterflow.warehouse.published import published as promises
from counterflow.warehouse.vocabulary import Vocabulary


def verify(settings: Settings) -> list[GateResult]:
    """Content hashes against the manifest, the row accounting of every night, and the gates on leaks."""
    path = settings.warehouse / "warehouse.duckdb"
    published = read_manifest(settings.warehouse / MANIFEST)
    if published is None or not path.exists():
        return [
            GateResult("published", False, "nothing has been published: run `counterflow nightly`")
        ]
    with sealing.published(path, settings) as connection:
        now = content_hashes(connection)
        found = connection.execute(
            "select count(*) from quality.load where rows_read is distinct from "
            "rows_accepted + rows_quarantined + rows_withheld + rows_blank"
        ).fetchone()
        wrong = int(found[0]) if found else 0
        leaks = _leaks(connection, settings, published.night)
    differing = [
        n for n in published.tables.keys() | now.keys() if published.tables.get(n) != now.get(n)
    ]
    hashes = f"{len(differing)} tables differ from the manifest: {', '.join(sorted(differing)[:5])}"
    if not all(comparable(digest) for _, digest in published.tables.values()):
        hashes = "hashed by another release of this program, so nothing is known: run `counterflow nightly`"
    return [
        GateResult("published", True, f"night {published.night}, {len(now)} tables"),
        GateResult("content_hashes", not differing, hashes if differing else "as published"),
        GateResult(
            "row_accounting", wrong == 0, f"{wrong} loads do not add up" if wrong else "adds up"
        ),
        *_lake(settings, published),
        *leaks,
    ]


def _lake(settings: Settings, published: Build) -> list[GateResult]:
    """Whether a DuckLake holds what was published, by the same hashes."""
    if settings.warehouse_shape != "ducklake":
        return []
    with lake.opened(settings) as connection:
        said, now = lake.manifest(connection), content_hashes(connection)
    differing = [
        n for n in published.tables.keys() | now.keys() if published.tables.get(n) != now.get(n)
    ]
    if said.build_id != published.build_id:
        problem = f"it holds the night {said.night}: run `counterflow publish`"
    else:
        problem = (
            f"{len(differing)} tables differ: {', '.join(sorted(differing)[:5])}"
            if differing
            else ""
        )
    return [GateResult("ducklake", not problem, problem or "the same tables and rows")]


def _leaks(
    connection: duckdb.DuckDBPyConnection, settings: Settings, night: date
) -> list[GateResult]:
    """The gates on leaks, of which a published file alone can be asked."""
    vocabulary = Vocabulary(settings.missions, None, settings.dbt_project)
    looked = Looked(connection, vocabulary, night, promises(settings.dbt_project))
    results = []
    for name, gate in looked.gates().items():
        try:
            problem = told(gate())
        except Exception as error:  # noqa: BLE001 - a gate that cannot be run has not passed
            problem = f"could not be run ({type(error).__name__})"
        results.append(GateResult(name, not problem, problem or "passed"))
    return results
