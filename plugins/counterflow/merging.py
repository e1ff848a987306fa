"""Which case a merged record belongs to in the end.

In: by case key the key that a record was merged into, and the keys that the export holds. Out: by
merged key its survivor; and the keys whose survivor cannot be told, with why.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from counterflow.canonical import MERGED_READINGS

OK, BLANK, ORPHAN, CIRCLE = MERGED_READINGS


def survivors(
    into: Mapping[str, str], known: AbstractSet[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """(merged key → survivor, merged key → ORPHAN or CIRCLE). Chains are followed to their end."""
    found: dict[str, str] = {}
    lost: dict[str, str] = {}
    for start in into:
        chain = [start]
        while chain[-1] in into and chain[-1] not in found and chain[-1] not in lost:
            after = into[chain[-1]]
            if after in chain:
                lost |= dict.fromkeys(chain, CIRCLE)
                break
            chain.append(after)
        end = chain[-1]
        if end in lost:
            lost |= {key: lost[end] for key in chain if key not in lost}
        elif end not in known:
            lost |= dict.fromkeys(chain[:-1], ORPHAN)
        else:
            found |= dict.fromkeys((key for key in chain if key in into), found.get(end, end))
    return found, lost
