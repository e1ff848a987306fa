"""`make cluster`: a night of 72 missions over a cluster on this machine, one of whose workers is killed.

The missions' servers are OpenSSH, an S3 server and nginx with TLS, a third of the missions each; the cluster is
what docker-compose.yml says, on Debian's PostgreSQL and Redis. The worker that runs dbt is killed with all that it
started. Printed: each step, how long it took, and whether every content hash is that of a laptop's night.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from counterflow import contracts
from counterflow.local import run_night
from counterflow.orchestration.config import DAG_ID
from counterflow.settings import Settings
from counterflow.synthetic import generate
from counterflow.warehouse.manifest import MANIFEST, read_manifest
from tests.cluster.running import cluster
from tests.servers.nginx import nginx
from tests.servers.s3 import s3
from tests.servers.sshd import sshd
from tests.sources.linked import over_https, over_s3, over_sftp
from tests.support import NIGHT


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the night was published and its hashes are the laptop's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missions", type=int, default=72)
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--no-kill", action="store_true", help="the same night, undisturbed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="counterflow-cluster-") as folder:
        return show(Path(folder), options)


def show(root: Path, options: argparse.Namespace) -> int:
    """Make exports, a laptop's night and a cluster's, and compare them."""
    root.chmod(0o755)
    generate(root, options.missions, options.cases, 7, 1, NIGHT)
    laptop = replace(
        Settings.from_env(), home=root / "laptop", exports=root / "exports", connections="none",
        store=None, warehouse_shape="file", key_source="files",
    )  # fmt: skip
    missions = sorted(path.name for path in (root / "exports").iterdir())
    empty = root / "nothing"
    empty.mkdir()
    with (
        delivered(root / "exports", missions) as known,
        cluster(root / "cluster", replace(laptop, exports=empty), connections=known) as running,
    ):
        began = time.monotonic()
        api = running.api()
        run = api.trigger(DAG_ID, {"night": str(NIGHT), "missions": missions})
        lost = ""
        if not options.no_kill:
            lost = running.worker_that("build/warehouse.duckdb", 1200)
            running.kill(lost)
            print(f"{lost} killed in the middle of transform")
        state = ""
        for change in api.follow(DAG_ID, run):
            if "task_id" not in change:
                state = str(change["state"])
            elif change["state"] in ("success", "failed", "up_for_retry"):
                at = time.monotonic() - began
                print(
                    f"{at:6.1f} s  {change['task_id']:<10} {change['state']}, try {change['try_number']}"
                )
        seconds = time.monotonic() - began
        if state != "success":
            print(running.tasks_said())
        (left, *_) = (name for name in running.running if name.startswith("worker"))
        theirs = read_manifest(running.home(left) / "warehouse" / MANIFEST)
        stored = running.stored()
    print(
        f"cluster: {state} in {seconds:.1f} s; {stored[0]} objects, {stored[1] / 1e6:.1f} MB in the store"
    )
    began = time.monotonic()
    run_night(laptop, NIGHT, missions, quiet=True)
    print(f"laptop: {time.monotonic() - began:.1f} s")
    ours = read_manifest(laptop.warehouse / MANIFEST)
    same = ours is not None and theirs is not None and ours.tables == theirs.tables
    tables = len(ours.tables) if ours is not None else 0
    print(f"{tables} tables, content hashes {'equal' if same else 'DIFFER'}")
    return 0 if same and state == "success" else 1


@contextmanager
def delivered(exports: Path, missions: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Three servers with a third of the exports each, and the missions' connections to them."""
    with ExitStack() as stack:
        servers = [stack.enter_context(one) for one in (sshd(), s3("exports"), nginx())]
        connections = [over_sftp(servers[0]), over_s3(servers[1]), over_https(servers[2])]
        known = {}
        for number, mission in enumerate(missions):
            contract = contracts.load_contract(Settings.from_env().missions / f"{mission}.yml")
            known[contract.source.connection] = connections[number % 3]
            for path in sorted((exports / mission).rglob("*")):
                if path.is_file():
                    servers[number % 3].put(str(path.relative_to(exports)), path.read_bytes())
        yield known


if __name__ == "__main__":
    sys.exit(main())
