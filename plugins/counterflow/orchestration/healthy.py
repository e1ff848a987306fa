"""Whether one component of Airflow is alive: its name in, exit code 0 or 1 out.

For the health checks of `docker-compose.yml`. It asks the API server, which knows every component's
heartbeat; `airflow jobs check` would import all of Airflow, several seconds of CPU every half minute.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
WORKER = "worker"  # of Celery: no heartbeat of its own, so that it is asked itself


def status(component: str, execution_url: str) -> str:
    """What the API server says of a component: `healthy`, `unhealthy` or nothing."""
    url = urllib.parse.urljoin(execution_url, "/api/v2/monitor/health")
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str((json.load(answer).get(component) or {}).get("status", ""))


def worker_answers() -> bool:
    """Whether the Celery worker of this machine answers over the broker."""
    from celery import Celery  # type: ignore[import-untyped, unused-ignore]

    url = os.environ.get("AIRFLOW__CELERY__BROKER_URL")
    if url is None:
        command = shlex.split(os.environ["AIRFLOW__CELERY__BROKER_URL_CMD"])
        url = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    asked = Celery(broker=url).control.ping([f"celery@{socket.gethostname()}"], timeout=8)
    return bool(asked)


def main(arguments: list[str]) -> int:
    """Exit code 0 if the component is healthy."""
    if len(arguments) != 1 or arguments[0] not in (*COMPONENTS, WORKER):
        print(f"usage: healthy {'|'.join((*COMPONENTS, WORKER))}", file=sys.stderr)
        return 2
    if arguments[0] == WORKER:
        return 0 if worker_answers() else 1
    url = os.environ.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://localhost:8080/")
    try:
        return 0 if status(arguments[0], url) == "healthy" else 1
    except OSError as error:
        print(f"the API server does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
