"""Erasure on request: one person's case taken out of everything, at once, with a receipt.

In: a mission and a case number, which is never written anywhere. Out: a receipt of what was removed where,
in counts; and the proof, by looking at every byte, that nothing is left. What remembers the case is a
suppression token: whatever the mission sends later, the case stays out (counterflow.suppression).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from counterflow import contracts, disk, suppression
from counterflow.contracts import ContractError
from counterflow.depersonalise import MissionKeys, case_key
from counterflow.keys import keyring
from counterflow.landing import Landing
from counterflow.locks import exclusive, shared
from counterflow.missions import contract_of
from counterflow.purging import Removed, purge
from counterflow.sealing import Seal
from counterflow.searching import Search, search
from counterflow.settings import Settings
from counterflow.text import case_number, fold


class ErasureRefusedError(Exception):
    """What was asked cannot be erased; the message holds no number."""


@dataclass(slots=True)
class Receipt:
    """What an erasure did. Its id is drawn by lot: it says nothing of the case."""

    receipt: str
    mission_code: str
    night: date
    key_id: str
    status: str = "begun"  # finished, once all is removed
    records: int = 0  # of the person, that were found anywhere
    removed: list[Removed] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)  # folders of backups that could not be told

    def to_dict(self) -> dict[str, object]:
        """As it is written and printed: nothing personal, no key."""
        return {
            "receipt": self.receipt,
            "mission_code": self.mission_code,
            "night": str(self.night),
            "key_id": self.key_id,
            "status": self.status,
            "records": self.records,
            "removed": [one.to_dict() for one in self.removed],
        }

    def save(self, settings: Settings) -> Path:
        """Write it; a killed erasure leaves what it had done so far."""
        settings.erasures.mkdir(parents=True, exist_ok=True)
        path = settings.erasures / f"{self.receipt}.json"
        disk.write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")
        return path


def erase(
    settings: Settings,
    mission: str,
    number: Sequence[str],
    night: date,
    only_if_found: bool = False,
) -> Receipt:
    """Take the case of a number out of every file, and remember that it stays out.

    The person is erased whole: the records that were merged with the case too. A number that nobody
    knows is remembered all the same, unless `only_if_found`. Killed anywhere, the same call ends it.
    """
    from counterflow.backups import tell_backups

    keys, seal, landing = _of(settings, mission)
    case = case_key(keys, *_parts(settings, mission, number))
    with exclusive(settings.night_lock), exclusive(settings.build_lock):
        with shared(settings.landing_lock):  # as it is by now, wherever it was landed
            everyone = suppression.person(seal, landing, case) | _in_history(settings, case)
            held = frozenset(_held(settings, seal, landing, everyone))
        if only_if_found and not held:
            raise ErasureRefusedError(
                f"{mission} has no such case here, and nothing was remembered (--only-if-found)"
            )
        receipt = Receipt(f"E-{secrets.token_hex(6)}", mission, night, keys.key_id)
        receipt.records = len(held)
        receipt.save(settings)
        with exclusive(settings.landing_lock):  # first: from here on a kill changes nothing
            suppression.remember(
                seal, landing, suppression.tokens(keys, everyone), night, receipt.receipt
            )
        receipt.untold = tell_backups(settings)

        def told(removed: Removed) -> None:
            receipt.removed.append(removed)
            receipt.save(settings)

        purge(settings, [mission], told, on_request=True)
        os.sync()  # before anybody is told: no loss of power brings back what is gone
        receipt.status = "finished"
        receipt.save(settings)
    return receipt


def check(settings: Settings, mission: str, number: Sequence[str]) -> Search:
    """Look at every byte under the home for the case of a number."""
    keys, seal, landing = _of(settings, mission)
    case = case_key(keys, *_parts(settings, mission, number))
    return search(settings, suppression.person(seal, landing, case))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a receipt says against what is there now."""

    receipt: Receipt
    cases: int
    unchanged: int  # files that are as the erasure left them
    rewritten: int  # files that were written anew since, or went
    restored: tuple[str, ...]  # files that are as they were before the erasure
    search: Search

    @property
    def holds(self) -> bool:
        """Whether the case is still nowhere."""
        return not self.restored and not self.search.found and self.cases > 0


def verify(settings: Settings, receipt_id: str) -> Verified:
    """Confirm a receipt without the case number: its tokens tell which keys must be nowhere."""
    receipt = read_receipt(settings, receipt_id)
    keys, seal, landing = _of(settings, receipt.mission_code)
    known = suppression.erased(seal, landing)
    tokens = [
        token
        for token, of in zip(
            known.column(suppression.TOKEN).to_pylist(),
            known.column("receipt").to_pylist(),
            strict=True,
        )
        if of == receipt.receipt
    ]
    now = {one.file: _sha256(settings.home / one.file) for one in receipt.removed}
    restored = tuple(one.file for one in receipt.removed if now[one.file] == one.before)
    unchanged = sum(now[one.file] == one.after for one in receipt.removed)
    return Verified(
        receipt,
        len(tokens),
        unchanged,
        len(receipt.removed) - unchanged - len(restored),
        restored,
        search(settings, suppression.case_keys(keys, tokens)),
    )


def read_receipt(settings: Settings, receipt_id: str) -> Receipt:
    """The receipt of an id. Raises ErasureRefusedError if there is none."""
    path = settings.erasures / f"{receipt_id}.json"
    if "/" in receipt_id or not path.exists():
        raise ErasureRefusedError(f"there is no such receipt in {settings.erasures}")
    said = json.loads(path.read_text("utf-8"))
    removed = [Removed(**one) for one in said.pop("removed")]
    night = date.fromisoformat(said.pop("night"))
    return Receipt(**said, night=night, removed=removed)


def _sha256(path: Path) -> str | None:
    return disk.sha256(path) if path.is_file() else None


def _of(settings: Settings, mission: str) -> tuple[MissionKeys, Seal, Landing]:
    known = {path.stem for path in contracts.contract_files(settings.missions)}
    landing = Landing(settings.landing, mission)
    if mission not in known and not landing.folder.is_dir():
        raise ErasureRefusedError(f"no mission {mission}: neither a contract nor a landing")
    return MissionKeys.of(keyring(settings), mission), Seal.of(settings), landing


def _parts(settings: Settings, mission: str, number: Sequence[str]) -> Sequence[str]:
    """The parts of a case number, as many as the mission's form has."""
    if not number or not all(case_number(part) for part in number):
        raise ErasureRefusedError("no case number was given, or a part of it is empty")
    try:
        contract = contract_of(settings, mission)
    except (ContractError, OSError):
        return number  # a contract that is broken or gone keeps nobody from being erased
    expected = contract.tables["case"].key or []
    if expected and len(expected) != len(number):
        names = ", ".join(str(header) for header in expected)
        raise ErasureRefusedError(
            f"a case number of {mission} has {len(expected)} parts ({names}), and {len(number)} were "
            "given: one --case-number for each, or one line each"
        )
    if any(fold(part) in {fold(code) for code in contract.missing} for part in number):
        raise ErasureRefusedError(f"{mission} writes that where a number is missing: it is no case")
    return number


def _in_history(settings: Settings, case: str) -> frozenset[str]:
    """Records that history knows to have been merged with a case; landing may no longer hold them."""
    from counterflow.warehouse.purge import merges

    return suppression.whole_persons({case}, merges(settings))


def _held(
    settings: Settings, seal: Seal, landing: Landing, everyone: Iterable[str]
) -> Iterable[str]:
    """Those of some cases that landing, what is published or what is kept holds."""
    from counterflow.warehouse.purge import cases_of

    wanted = set(everyone)
    for export in landing.whole_exports():
        held = seal.read(landing.path(export) / "rows.parquet", ["case_key"]).column(0)
        yield from wanted.intersection(held.unique().to_pylist())
    yield from wanted & cases_of(settings)
