"""Disclosure control: what may be shown outside of a table of cases.

In: a table with one row per case, and which of its columns an outsider could know. Out: the same
rows with cells coarsened or suppressed until no one stands out (`anonymise`), the proof of it
(`check`), and counts that can be published side by side (`protect`).
"""

from counterflow.disclosure.checking import Check, check
from counterflow.disclosure.hierarchies import Hierarchy
from counterflow.disclosure.microdata import Anonymised, anonymise
from counterflow.disclosure.policy import DisclosureRefused, Policy
from counterflow.disclosure.tables import ProtectedTable, TableSpec, protect
from counterflow.disclosure.utility import Utility

__all__ = [
    "Anonymised",
    "Check",
    "DisclosureRefused",
    "Hierarchy",
    "Policy",
    "ProtectedTable",
    "TableSpec",
    "Utility",
    "anonymise",
    "check",
    "protect",
]
