"""The hash of all in a contract that reading an export depends on.

What local codes mean, what must hold (`assert`), cadence and names are left out: repairing them
needs no new reading. The local codes themselves are left out too: a value outside the list is
landed as a token, which a later code map resolves.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from counterflow.contracts.model import Contract

_LANDING_VERSION = 3  # raise when ingest lands the same export differently
_NOT_READ = {"name", "region", "languages", "steward", "extends", "cadence", "codes", "assert_"}
_NOT_READ_SOURCE = {"connection", "path", "limits"}


def reading_digest(contract: Contract) -> str:
    """Hexadecimal SHA-256; equal for contracts that read every export alike."""
    data = contract.model_dump(mode="json", exclude=_NOT_READ)
    for key in _NOT_READ_SOURCE:
        data["source"].pop(key)
    for table in data["tables"].values():
        table.pop("not_chosen")
        for part in ("columns", "becomes", "local"):
            for column in table[part].values():
                column.pop("label", None)
                column["codes"] = _splitting(contract, column)
        table["answers"] = table["answers"] is not None
    for version in data["versions"].values():
        version.pop("not_asked")
    text = json.dumps([_LANDING_VERSION, data], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _splitting(contract: Contract, column: dict[str, Any]) -> Any:
    """Of a list's codes the spelling matters, because it decides where one item ends."""
    codes = column.get("codes")
    if not column.get("many") or codes is None:
        return codes is not None
    names: set[str] = set()
    for entry in codes:
        names |= set(contract.codes[entry] if isinstance(entry, str) else entry)
    return sorted(names)
