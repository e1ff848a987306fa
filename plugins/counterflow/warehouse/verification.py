"""All gates that need nothing but the published file: is what analysts open whole and closed?"""

from __future__ import annotations

import duckdb

from counterflow.settings import Settings
from counterflow.warehouse.gates import GateResult
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, read_manifest


def verify(settings: Settings) -> list[GateResult]:
    """Content hashes against the manifest, and the row accounting of every night."""
    path = settings.warehouse / "warehouse.duckdb"
    published = read_manifest(settings.warehouse / MANIFEST)
    if published is None or not path.exists():
        return [
            GateResult("published", False, "nothing has been published: run `counterflow nightly`")
        ]
    now = content_hashes(path)
    differing = [
        n for n in published.tables.keys() | now.keys() if published.tables.get(n) != now.get(n)
    ]
    hashes = f"{len(differing)} tables differ from the manifest: {', '.join(sorted(differing)[:5])}"
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from quality.load where rows_read is distinct from "
            "rows_accepted + rows_quarantined + rows_withheld + rows_blank"
        ).fetchone()
    wrong = int(found[0]) if found else 0
    return [
        GateResult("published", True, f"night {published.night}, {len(now)} tables"),
        GateResult("content_hashes", not differing, hashes if differing else "as published"),
        GateResult(
            "row_accounting", wrong == 0, f"{wrong} loads do not add up" if wrong else "adds up"
        ),
    ]
