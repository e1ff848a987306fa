"""What dbt-duckdb loads by name from `profiles.yml`: its connection opens what is encrypted.

In: the connection that dbt makes, and COUNTERFLOW_HOME. Out: the same, with the keys taken from where
the home keeps them: they stand in no profile, no environment and no log of dbt.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from counterflow.sealing import CONFIG, Seal
from counterflow.settings import Settings


class Plugin(BasePlugin):
    """Called by dbt-duckdb before and after it connects."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Connect as every other connection that opens what is encrypted."""
        del creds
        config.update(CONFIG)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Let the sources be read."""
        Seal.of(Settings.from_env()).prepare(conn)
