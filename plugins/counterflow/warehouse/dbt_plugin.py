"""What dbt-duckdb loads by name from `profiles.yml`: its connection opens what is encrypted.

In: the connection that dbt makes, the files that the profile attaches, and COUNTERFLOW_HOME. Out: the
same, attached before dbt does so itself, with keys from where the home keeps them: they stand in no
profile, no environment and no log of dbt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from counterflow.sealing import CONFIG, SPILL, Seal
from counterflow.settings import Settings


class Plugin(BasePlugin):
    """Called by dbt-duckdb before and after it connects, and for each of its cursors."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Connect as every other connection that opens what is encrypted."""
        del creds
        config.update(CONFIG)
        config["temp_directory"] = str(Settings.from_env().build / SPILL)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach the profile's files: dbt, which attaches what is not there, then finds them."""
        settings = Settings.from_env()
        seal = Seal.of(settings)
        seal.prepare(conn)
        for one in self._credentials.attach or ():
            path = Path(one.path)
            if one.read_only and not path.exists():  # history goes on from what is published
                path = settings.warehouse / "warehouse.duckdb"
            seal.attach(conn, path, str(one.alias), one.read_only)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """What a model names without a database is in the one of the profile."""
        cursor.execute(f"use {self._credentials.database}")

    @property
    def _credentials(self) -> DuckDBCredentials:
        assert self.creds is not None  # None only for plugins that a test makes
        return self.creds
