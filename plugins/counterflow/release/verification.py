"""A release checked from its files alone, wherever they lie; and against the ledger, where there is one.

In: a folder, or an installation. Out: one `GateResult` a check.
"""

from __future__ import annotations

import stat
from pathlib import Path

from counterflow.release import describe, gates, ledger, places
from counterflow.release.errors import ReleaseRefused
from counterflow.settings import Settings
from counterflow.warehouse.gates import GateResult


def verify_folder(where: Path) -> list[GateResult]:
    """Hashes, formats, k, l, smallest cell, leaks: what anybody with a copy can check."""
    if not where.is_dir():
        raise ReleaseRefused(f"{where} is no folder")
    return gates.of_files(where)


def verify(settings: Settings, number: str) -> list[GateResult]:
    """The same for a release of this installation, and that it is as the ledger says and nobody can write to it."""
    releases = settings.releases
    where = releases / number
    entry = ledger.standing(releases, number)
    if not where.is_dir():
        raise ReleaseRefused(f"there is no release {number}: see `counterflow release list`")
    results = verify_folder(where)
    chain = ledger.broken(releases)
    results.append(GateResult("ledger", not chain, "; ".join(chain) or "passed"))
    if entry is None:
        results.append(GateResult("as_released", False, "the ledger does not know it"))
        return results
    found = describe.sums(where)
    wrong = sorted(
        n for n in found.keys() | entry["files"].keys() if found.get(n) != entry["files"].get(n)
    )
    wrong += [] if places.digest(where) == entry["digest"] else [describe.SUMS]
    results.append(
        GateResult(
            "as_released",
            not wrong,
            f"{len(wrong)} files are not as the ledger says: {', '.join(wrong[:5])}"
            if wrong
            else "passed",
        )
    )
    writable = [
        p for p in where.rglob("*") if p.is_file() and stat.S_IMODE(p.stat().st_mode) & 0o222
    ]
    results.append(
        GateResult(
            "frozen",
            not writable,
            f"{len(writable)} files can be written to" if writable else "passed",
        )
    )
    return results


def listed(settings: Settings) -> list[dict[str, object]]:
    """Every line of the ledger in few words, oldest first."""
    told = []
    for entry in ledger.read(settings.releases):
        failed = [g["gate"] for g in entry.get("gates", []) if not g["passed"]]
        detail = entry.get("reason") or (f"failed: {', '.join(failed)}" if failed else "")
        if entry["event"] == "revised":
            detail = f"{entry['rows_removed']} rows taken out"
        told.append(
            {
                "number": entry["number"],
                "night": entry.get("night", ""),
                "event": entry["event"],
                "k": entry.get("k", ""),
                "rows": entry.get("counts", {}).get("rows of the microdata", ""),
                "approver": entry.get("approver", ""),
                "revision": entry.get("revision", ""),
                "detail": detail,
            }
        )
    return told


def numbers(settings: Settings) -> list[str]:
    """All releases there are."""
    return places.released(settings.releases)
