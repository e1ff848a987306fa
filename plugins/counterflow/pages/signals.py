"""What each kind of signal (`quality.issue.kind`) means and what to do about it, for engineers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["unmapped", "drift", "contract"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of signal: its title, which section it stands in, and what to do."""

    title: str
    group: Group
    cure: str


KINDS = {
    "unmapped_code": Kind("Codes that the contract does not list", "unmapped", "Ask the steward what they mean, and add them to `codes`. Their rows are quarantined until then. A value that may be somebody's own words is shown as a token."),
    "unmapped_consent": Kind("Consent answers that the contract does not list", "unmapped", "Ask the steward what they mean, and add them to `yes` or `no`. Their cases are withheld until then."),
    "unknown_column": Kind("Columns that the contract does not name", "drift", "Dropped. Ask the steward what they hold, then name them: mapped, personal, or ignored with a reason."),
    "missing_column": Kind("Columns that are gone", "drift", "Ask the steward whether the form changed, and since when: then it is a new version in the contract."),
    "form_versions_mixed": Kind("Answers to questions that the form of their month did not ask", "drift", "The months of a version, or its `not_asked`, are wrong in the contract; or old cases were entered on the new form."),
    "decimal_habit_mixed": Kind("Both decimal marks in one column", "drift", "Cells of the undeclared habit cannot be read. Ask for one; or the contract's `decimal` is wrong."),
    "calendar_unclear": Kind("Dates that fit another calendar", "drift", "Ask which calendar the column is in, and write it as its `calendar`."),
    "accents_lost": Kind("Letters that became question marks, or were garbled", "drift", "They were put right where only one reading fits. Ask for an export in UTF-8."),
    "band_was_date": Kind("Age bands that a spreadsheet turned into dates", "drift", "They were put right. Ask not to save the export again with a spreadsheet."),
    "weak_encryption": Kind("A lock that does not notice changes", "drift", "Ask for age, PGP or AES-256 (docs/stewards.md)."),
    "dropped_by_hand": Kind("Exports that were dropped by hand", "drift", "Nothing, if the mission's link is down; else see that its server is used again."),
    "case_vanished": Kind("Cases that are no longer accepted", "drift", "Are they deleted, withdrawn, or filtered out of the export? Many at once are a filter."),
    "case_reappeared": Kind("Cases that are accepted again", "drift", "Nothing; many at once after a fall are the end of a filter."),
    "case_merged": Kind("Records that were merged into another case", "drift", "Nothing."),
    "code_mapped_twice": Kind("Spellings that mean two things", "contract", "The contract is refused, the last good tables stay: take one of the meanings out."),
    "mapping_never_used": Kind("Codes that no row uses", "contract", "Nothing has to be done. A code that the mission renamed shows up here and as an unmapped one."),
}  # fmt: skip
# That no row holds a code says of the few cases of a small mission what they are not.
TELL_OF_FEW = frozenset({"mapping_never_used"})
OTHER = Kind("Other signals", "drift", "Read the detail.")
GROUPS: dict[Group, str] = {
    "unmapped": "Values that could not be mapped",
    "drift": "Signs that an export is changing",
    "contract": "About the contract itself",
}


def kind(name: str) -> Kind:
    """What a kind of signal means; a new one has its own name as its title."""
    return KINDS.get(name) or Kind(name.replace("_", " "), OTHER.group, OTHER.cure)
