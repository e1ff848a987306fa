"""Landed tables on the disk, written as the parts of an export come.

In: `ingest.Part` after part. Out: sealed Parquet files, one a table, in a folder that is still aside. Most exports
are one part, and are written at the end like any table; of others each table has a thread that writes it, so that
nothing of an export is held but the part that is being written.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from counterflow.landing import columns_digest
from counterflow.suppression import together

if TYPE_CHECKING:
    from counterflow.ingest import Part
    from counterflow.sealing import Seal


class LandedFiles:
    """The files of one export in the folder `aside`; to be left by `end` or `stop`."""

    def __init__(self, seal: Seal, aside: Path) -> None:
        self.seal, self.aside = seal, aside
        self.rows = 0
        self._withheld: list[pa.Table] = []
        self._first: dict[str, pa.Table] | None = None
        self._growing: dict[str, _Growing] = {}
        self._columns: dict[str, str] = {}

    def add(self, part: Part) -> None:
        """Write a part. Raises what writing an earlier one raised."""
        self.rows += part.rows.num_rows
        self._withheld.append(part.withheld_cases)
        tables = {**part.tables, "rows": part.rows}
        if self._first is None and not self._growing:
            self._first = tables
            return
        if self._first is not None:
            for name, table in self._first.items():
                self._columns[name] = columns_digest(table.schema)
                self._growing[name] = _Growing(self.seal, self._path(name), table)
            self._first = None
        for name, table in tables.items():
            self._growing[name].add(table)

    def withheld(self) -> pa.Table:
        """The withheld cases of all parts, by token."""
        return together(self._withheld)

    def end(self, **others: pa.Table) -> dict[str, str]:
        """All files whole, with those of `others`; by table the digest of its columns."""
        for growing in self._growing.values():
            growing.end()
        for name, table in {**(self._first or {}), **others}.items():
            self._columns[name] = columns_digest(table.schema)
            self.seal.write(table, self._path(name))
        return self._columns

    def stop(self) -> None:
        """Let go of files that will not be whole."""
        for growing in self._growing.values():
            growing.stop()

    def _path(self, name: str) -> Path:
        return self.aside / f"{name}.parquet"


class _StoppedError(Exception):
    """The rest of a table will not come."""


class _Growing:
    """One file, and the thread that writes to it what is put into its queue."""

    def __init__(self, seal: Seal, path: Path, first: pa.Table) -> None:
        self._queue: queue.Queue[pa.Table | _StoppedError | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self._over = False  # nothing more is in the queue, or will be
        schema = first.schema

        def write() -> None:
            try:
                seal.write(pa.RecordBatchReader.from_batches(schema, self._batches()), path)
            except BaseException as error:  # noqa: BLE001 - it is raised where the file is written from
                self._error = error
                with suppress(_StoppedError):
                    while not self._over:
                        self._next()

        self._thread = threading.Thread(target=write, name=f"write {path.stem}", daemon=True)
        self._thread.start()
        self._queue.put(first)

    def add(self, table: pa.Table) -> None:
        """Some more rows. Raises what writing raised."""
        if self._error is not None:
            raise self._error
        self._queue.put(table)

    def end(self) -> None:
        """The file is whole. Raises what writing raised."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Nothing more is written."""
        if self._thread.is_alive():
            self._queue.put(_StoppedError())
            self._thread.join()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (table := self._next()) is not None:
            yield from table.to_batches()

    def _next(self) -> pa.Table | None:
        found = self._queue.get()
        if found is None or isinstance(found, _StoppedError):
            self._over = True
        if isinstance(found, _StoppedError):
            raise found
        return found
