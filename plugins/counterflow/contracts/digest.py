"""The hash of all in a contract that reading an export depends on.

What local codes mean, what must hold (`assert`), cadence and names are left out: repairing them
needs no new reading. The local codes themselves are left out too: a value outside the list is
landed as a token, which a later code map resolves.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from counterflow.contracts.model import Contract
from counterflow.text import fold

_LANDING_VERSION = 10  # raise when ingest lands the same export differently
_NOT_READ = {"name", "region", "languages", "steward", "extends", "cadence", "codes", "assert_"}
_NOT_READ_SOURCE = {"connection", "path", "limits", "checksum", "settle"}
_fold = lru_cache(maxsize=20_000)(fold)  # of codes: missions share most of them


def reading_digest(contract: Contract) -> str:
    """Hexadecimal SHA-256; equal for contracts that read every export alike."""
    data = contract.model_dump(mode="json", exclude=_NOT_READ)
    for key in _NOT_READ_SOURCE:
        data["source"].pop(key)
    _locks(data["source"])
    for table in data["tables"].values():
        table.pop("not_chosen")
        table.pop("not_personal")
        item = {code for column in table["columns"].values() if (code := column.get("with_"))}
        parts = [table[part] for part in ("columns", "becomes", "local")]
        for columns in (*parts, *table["groups"].values()):
            for column in columns.values():
                for words in ("label", "relation", "note"):
                    column.pop(words, None)
                column["codes"] = _splitting(contract, column, item)
        lost = contract.source.accents == "lost"
        answers = _splitting(contract, {"codes": table["answers"]}, set()) if lost else True
        table["answers"] = answers if table["answers"] is not None else False
    for version in data["versions"].values():
        version.pop("not_asked")
    if contract.consent.research.guardian is not None:
        data["ages"] = _ages(contract)
    text = json.dumps([_LANDING_VERSION, data], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _locks(source: dict[str, Any]) -> None:
    """How an export is locked and who must have signed it, so that what was landed otherwise is looked at again.

    Which keys open it is left out: a mission's key is changed without reading anything anew.
    """
    for name in ("encryption", "signature"):
        if source[name] is None:  # as before there was such a thing
            source.pop(name)
    if locks := source.get("encryption"):
        source["encryption"] = sorted(layer for layer, names in locks.items() if names)


def _ages(contract: Contract) -> dict[str, str]:
    """What the codes of ages mean: they decide whose guardian is asked for consent."""
    case = contract.tables["case"]
    column = case.columns.get("age_band") or case.becomes.get("age_band")
    codes = column.codes if column is not None and column.codes is not None else []
    return {fold(code): target.code for code, target in contract.code_map(codes).items()}


def _splitting(contract: Contract, column: dict[str, Any], item: set[str]) -> Any:
    """What of a column's codes decides how it is read, whatever they mean.

    Of a list the spelling, because it decides where one item ends, and where cells are matched that
    are not spelled as the list; the codes of the item that a second list belongs to; and the codes that
    otherwise mean "no answer".
    """
    codes = column.get("codes")
    if codes is None:
        return None
    by_spelling = contract.source.accents == "lost" or column.get("dates_are_bands")
    known: dict[str, str] = {}
    for entry in codes:
        named = contract.codes[entry] if isinstance(entry, str) else None
        known |= (
            {code: target.code for code, target in named.items()}
            if named is not None
            else {code: target["code"] for code, target in entry.items()}
        )
    missing = {_fold(code) for code in contract.missing}
    return {
        "spelled": sorted(set(map(_fold, known))) if column.get("many") or by_spelling else None,
        "owning": sorted({_fold(code) for code, meaning in known.items() if meaning in item}),
        "answering": sorted({_fold(code) for code in known} & missing),
    }
