"""Lineage: what each step of a night read and wrote, as OpenLineage events for whatever server an agency has.

In: a step that begins or ends, and what it returned. Out: one event a line in
`$COUNTERFLOW_HOME/lineage/<night>.jsonl`; with COUNTERFLOW_LINEAGE=server they go where the client's own
variables (OPENLINEAGE_URL and its like) say, and into the file from the first one on that the server does
not take: it is not asked again that night. Names of missions, tables and columns, counts and content
hashes; nothing of a row. Nothing here can stop a night.

Datasets, all in the namespace `counterflow`: `exports.MDA` (a mission's export) → `landing.MDA` →
`build.<source of dbt>` → `scratch.<schema>.<model>` → `warehouse.<schema>.<table>`, what analysts open.
Specification: OpenLineage 2-0-2, https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from counterflow import contracts
from counterflow.landing import Landing

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState

    from counterflow.settings import Settings

NAMESPACE = "counterflow"
JOB = "nightly"
PRODUCER = "urn:counterflow"
SERVER, OFF = "server", "off"
log = logging.getLogger("counterflow")


@dataclass(frozen=True, slots=True)
class Table:
    """A dataset: `columns` maps names to types, `rows` and `version` are known of what was built."""

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    rows: int | None = None
    version: str = ""


class Told:
    """The events of one step, from its beginning to its end."""

    def __init__(self, settings: Settings, night: date, step: str, mission: str = "") -> None:
        self._settings, self._night, self._mission = settings, night, mission
        self._job = f"{JOB}.{step}" + (f".{mission}" if mission else "")
        self._began = datetime.now(UTC)
        self._step = step
        self._emit("START", self._began)

    def done(self, found: object) -> None:
        """The step ended well, and returned `found`."""
        try:
            reads, writes, models = self._flow(found)
        except Exception as error:  # noqa: BLE001 - of whatever kind, the step has done its work
            _lost(error)
            reads, writes, models = [], [], []
        for name, inputs, output in models:
            self._emit("COMPLETE", datetime.now(UTC), inputs, [output], job=f"dbt.{name}")
        self._emit("COMPLETE", datetime.now(UTC), reads, writes)

    def failed(self, error: Exception) -> None:
        """The step failed; of the error only its class is told, for its text may hold what must not leave."""
        self._emit("FAIL", datetime.now(UTC), error=type(error).__name__)

    def _flow(self, found: object) -> tuple[list[Table], list[Table], list[Model]]:
        """What the step read and wrote, and the models that it built."""
        settings = self._settings
        if self._step == "ingest":
            export, landed = Table(f"exports.{self._mission}"), Table(f"landing.{self._mission}")
            # one that is refused or failed lands nothing
            wrote = getattr(found, "status", "") not in ("refused", "failed")
            return [export], [landed] if wrote else [], []
        if self._step == "validate":
            return list(_landed(settings, self._night)), [], []
        if self._step == "transform":
            models = dbt_models(settings.build / "dbt" / "manifest.json", _tables(found))
            sources = {one.name: one for _, reads, _ in models for one in reads if _is_source(one)}
            return list(_landed(settings, self._night)), list(sources.values()), models
        if self._step == "publish":
            built = _built(settings)
            return [], [Table(n, rows=r, version=v) for n, (r, v) in sorted(built.items())], []
        return [], [], []

    def _emit(
        self,
        kind: str,
        when: datetime,
        reads: Iterable[Table] = (),
        writes: Iterable[Table] = (),
        job: str = "",
        error: str = "",
    ) -> None:
        if self._settings.lineage == OFF:
            return
        try:
            _send(
                self._settings.lineage == SERVER,
                self._settings.lineages / f"{self._night}.jsonl",
                self._event(kind, when, reads, writes, job, error),
            )
        except Exception as lost:  # noqa: BLE001 - a server or a disk of whatever make
            _lost(lost)

    def _event(
        self,
        kind: str,
        when: datetime,
        reads: Iterable[Table],
        writes: Iterable[Table],
        job: str,
        error: str,
    ) -> RunEvent:
        from openlineage.client.event_v2 import Job, Run
        from openlineage.client.event_v2 import RunEvent as Event
        from openlineage.client.event_v2 import RunState as State
        from openlineage.client.facet_v2 import error_message_run, job_type_job, nominal_time_run
        from openlineage.client.facet_v2 import parent_run as parent

        night = datetime.combine(self._night, time(), UTC)
        run, above = self._run(self._job), (JOB, _run_id(night, JOB))
        if job:
            run, above = self._run(job), (self._job, self._run(self._job))
        facets: dict[str, Any] = {
            "nominalTime": nominal_time_run.NominalTimeRunFacet(night.isoformat()),
            "parent": parent.ParentRunFacet(
                parent.Run(str(above[1])), parent.Job(NAMESPACE, above[0])
            ),
        }
        if error:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(error, "PYTHON")
        tool = "DBT" if job else "COUNTERFLOW"
        what: dict[str, Any] = {
            "jobType": job_type_job.JobTypeJobFacet("BATCH", tool, "MODEL" if job else "TASK")
        }
        state: RunState = getattr(State, kind)
        return Event(
            eventTime=when.isoformat(),
            producer=PRODUCER,
            run=Run(str(run), facets),
            job=Job(NAMESPACE, job or self._job, what),
            eventType=state,
            inputs=[_input(one) for one in reads],
            outputs=[_output(one) for one in writes],
        )

    def _run(self, job: str) -> UUID:
        return _run_id(self._began, f"{self._night} {job}")


Model = tuple[str, list[Table], Table]


def dbt_models(manifest: Path, built: Mapping[str, tuple[int, str]]) -> list[Model]:
    """Name, inputs and output of each model, seed and snapshot of dbt's manifest, in the order of their names.

    `built` maps `schema.table` to rows and content hash. Raises OSError, ValueError.
    """
    said = json.loads(manifest.read_text("utf-8"))
    nodes = {key: one for key, one in said["nodes"].items() if _makes_a_table(one)}
    tables = {key: _table(one, built) for key, one in nodes.items()}
    tables |= {key: Table(f"build.{one['name']}") for key, one in said["sources"].items()}
    found = []
    for key, node in sorted(nodes.items()):
        reads = [tables[one] for one in node["depends_on"].get("nodes", []) if one in tables]
        found.append((str(node["name"]), reads, tables[key]))
    return found


def _makes_a_table(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] in ("model", "seed", "snapshot")


def _is_source(table: Table) -> bool:
    return table.name.startswith("build.")


def _table(node: Mapping[str, Any], built: Mapping[str, tuple[int, str]]) -> Table:
    name = f"{node['schema']}.{node.get('alias') or node['name']}"
    rows, version = built.get(name, (None, ""))
    columns = {one["name"]: one.get("data_type") or "" for one in node["columns"].values()}
    where = "warehouse" if rows is not None else "scratch"
    return Table(f"{where}.{name}", columns, node.get("description") or "", rows, version)


def _tables(build: object) -> Mapping[str, tuple[int, str]]:
    return getattr(build, "tables", {})


def _built(settings: Settings) -> dict[str, tuple[int, str]]:
    from counterflow.warehouse.manifest import MANIFEST, read_manifest

    published = read_manifest(settings.warehouse / MANIFEST)
    tables = published.tables if published is not None else {}
    return {f"warehouse.{name}": said for name, said in tables.items()}


def _landed(settings: Settings, night: date) -> Iterator[Table]:
    """The missions whose export is in force on the night."""
    for path in contracts.contract_files(settings.missions):
        record = Landing(settings.landing, path.stem).record(night)
        if record is not None and record.export is not None:
            yield Table(f"landing.{path.stem}")


def _facets(table: Table) -> dict[str, Any]:
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        documentation_dataset,
        schema_dataset,
    )

    facets: dict[str, Any] = {}
    if table.columns:
        of = schema_dataset.SchemaDatasetFacetFields
        fields = [of(name=name, type=kind or None) for name, kind in table.columns.items()]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
    if table.about:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(table.about)
    if table.version:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(table.version)
    return facets


def _input(table: Table) -> InputDataset:
    from openlineage.client.event_v2 import InputDataset

    return InputDataset(NAMESPACE, table.name)


def _output(table: Table) -> OutputDataset:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    counted: dict[str, Any] = {}
    if table.rows is not None:
        counted["outputStatistics"] = statistics.OutputStatisticsOutputDatasetFacet(table.rows)
    return OutputDataset(NAMESPACE, table.name, facets=_facets(table), outputFacets=counted)


def _run_id(when: datetime, name: str) -> UUID:
    from openlineage.client.uuid import generate_static_uuid

    return generate_static_uuid(when, name.encode())


def _lost(error: Exception) -> None:
    log.warning(f"lineage was not told ({type(error).__name__})")


@lru_cache(maxsize=1)
def _server() -> OpenLineageClient:
    from openlineage.client import OpenLineageClient

    return OpenLineageClient()


def _send(to_server: bool, file: Path, event: RunEvent) -> None:
    """Give an event to the server, or to the file where there is none or it has failed tonight."""
    from openlineage.client.serde import Serde

    if to_server and not file.exists():
        try:
            _server().emit(event)
        except Exception as error:  # noqa: BLE001 - of whatever transport
            _lost(error)
        else:
            return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:  # with one call: several tasks do so at a time
        os.write(handle, (Serde.to_json(event) + "\n").encode())
    finally:
        os.close(handle)
