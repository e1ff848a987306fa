"""The decision on a candidate: a person says yes, or nothing is released.

In: a candidate's number and digest, and who decided. Out: a frozen release, or no candidate; a line in the ledger either way.
"""

from __future__ import annotations

from pathlib import Path

from counterflow.release import describe, formats, gates, inside, ledger, places
from counterflow.release.building import check
from counterflow.release.errors import ReleaseRefused
from counterflow.sealing import Seal
from counterflow.settings import Settings


def approve(settings: Settings, number: str, digest: str, by: str) -> str:
    """Freeze the candidate as a release; its gates are run again, because days may have passed.

    `digest` says which candidate was decided on. Raises ReleaseRefused if it is not the one that waits.
    """
    if not by.strip():
        raise ReleaseRefused("an approval needs a name")
    seal = Seal.of(settings)
    with places.locked(settings) as releases:
        standing = ledger.standing(releases, number)
        if standing and (releases / number).exists() and standing.get("digest") == digest:
            return number  # a retry: it is released already
        where = _waiting(settings, number, digest)
        made = inside.read(places.inside_of_candidate(releases, number), seal)
        results = check(settings, releases, seal, where, made)
        if any(not result.passed for result in results):
            ledger.append(
                releases, "refused", number, digest=digest, gates=[r.to_dict() for r in results]
            )
            places.discard(releases, number)
            raise gates.GatesFailed(results)
        formats.freeze(where)
        entry = next(e for e in reversed(ledger.of(releases, number)) if e["event"] == "candidate")
        kept = {k: v for k, v in entry.items() if k not in ("event", "number", "place", "previous")}
        kept |= {"approver": by, "revision": 0, "files": describe.sums(where)}
        kept["gates"] = [r.to_dict() for r in results]
        ledger.append(releases, "released", number, **kept)
        places.settle(releases, number)
        return number


def reject(
    settings: Settings, number: str, reason: str, by: str = "", digest: str | None = None
) -> None:
    """Take the candidate away; nothing happens if it does not wait, or is another than `digest` says."""
    with places.locked(settings) as releases:
        if places.pending(releases) != number:
            return
        held = places.digest(places.candidate(releases, number))
        if digest not in (None, held):
            return
        ledger.append(releases, "rejected", number, digest=held, reason=reason, approver=by)
        places.discard(releases, number)


def _waiting(settings: Settings, number: str, digest: str) -> Path:
    releases = settings.releases
    if places.pending(releases) != number:
        raise ReleaseRefused(
            f"candidate {number} does not wait any more: see `counterflow release list`"
        )
    where = places.candidate(releases, number)
    if places.digest(where) != digest:
        raise ReleaseRefused(
            f"candidate {number} is another than the one that was decided on: look at it again"
        )
    return where
