"""Counterflow: from each mission's export to one harmonised, de-personalised DuckDB warehouse."""

__version__ = "0.1.0"
