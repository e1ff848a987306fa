"""Validation: landed exports in, one verdict per mission out (accepted, refused or failed).

Great Expectations judges the de-personalised landing tables, a table of many missions at a time.
Importing this package is light; GX itself (5 s) is imported when the first frame is judged.
"""

from __future__ import annotations

from counterflow.validation.model import LandedExport, Reason, Status, Verdict
from counterflow.validation.rules import Rule, RuleBookError, rule_book, rules_hash
from counterflow.validation.run import validate

__all__ = [
    "LandedExport",
    "Reason",
    "Rule",
    "RuleBookError",
    "Status",
    "Verdict",
    "rule_book",
    "rules_hash",
    "validate",
]
