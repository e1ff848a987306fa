"""The consent gate: the consent columns of the case rows in, why each row is withheld out.

Research needs an explicit yes in scope and no withdrawal. Unknown is not consent (law 6).
"""

from __future__ import annotations

from counterflow.columns import Cells
from counterflow.contracts.model import Consent
from counterflow.text import fold

GIVEN = ""
REASONS = ("no_consent", "consent_unknown", "consent_withdrawn")


def reasons(
    consent: Consent, answer: Cells, withdrawn: Cells | None, missing: frozenset[str]
) -> list[str]:
    """Per row: why it is withheld (one of REASONS), or `GIVEN`."""
    yes, no = frozenset(map(fold, consent.yes)), frozenset(map(fold, consent.no))
    still = missing | frozenset(map(fold, consent.not_withdrawn)) | {""}

    def read(value: str) -> str:
        folded = fold(value)
        if folded in yes:
            return GIVEN
        return "no_consent" if folded in no else "consent_unknown"

    answers = answer.each(read)
    found = [answers[place] for place in answer.places]
    if withdrawn is None:
        return found
    gone = withdrawn.each(lambda value: fold(value) not in still)
    return [
        "consent_withdrawn" if gone[place] and reason != "no_consent" else reason
        for place, reason in zip(withdrawn.places, found, strict=True)
    ]
