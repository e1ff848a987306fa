"""From a mission's folder to text tables: find the export, unpack it, read it."""

from counterflow.sources.errors import LinkRefusedError, Refused, UnreachableError
from counterflow.sources.readers import read_tables
from counterflow.sources.tables import TextTable
from counterflow.sources.transport import Delivery, FolderTransport, Transport

__all__ = [
    "Delivery",
    "FolderTransport",
    "LinkRefusedError",
    "Refused",
    "TextTable",
    "Transport",
    "UnreachableError",
    "read_tables",
]
