"""The two alarms that Airflow itself raises, through its scheduler, triggerer and DAG processor, to a real mail server.

Slow: four components start, and a night runs to its end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from counterflow.orchestration.api import Api
from counterflow.orchestration.config import DAG_ID, LocalAirflow, free_port
from counterflow.orchestration.processes import Processes, running
from tests.support import NIGHT, Agency, case, export

pytestmark = pytest.mark.slow
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")


class Letters:
    """What a mail server was sent."""

    def __init__(self) -> None:
        self.got: list[Message] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.got.append(message_from_bytes(envelope.content))
        return "250 OK"

    def wait_for(self, subject: str, processes: Processes) -> Message:
        """The letter whose subject begins so."""
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            for letter in self.got:
                if str(letter["Subject"]).replace("\n", "").startswith(subject):
                    return letter
            processes.check()
            time.sleep(0.5)
        logs = [processes.log(name).read_text()[-3000:] for name in processes.running]
        raise AssertionError("\n".join([f"{[one['Subject'] for one in self.got]}", *logs]))


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Letters]:
    found = Letters()
    server = Controller(found, hostname="127.0.0.1", port=free_port())
    server.start()
    plain = {"from_email": "counterflow@example.org", "disable_ssl": True, "disable_tls": True,
             "timeout": 5, "retry_limit": 0}  # fmt: skip
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": plain}
    chat = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{free_port()}", "password": "x"}
    told = {
        "AIRFLOW_CONN_COUNTERFLOW_SMTP": json.dumps(smtp),
        "AIRFLOW_CONN_COUNTERFLOW_CHAT": json.dumps(chat),  # which nobody answers: `tell` fails
        "COUNTERFLOW_MAIL_TO": "ops@example.org",
        "COUNTERFLOW_CHAT": "1",
        "COUNTERFLOW_DEADLINE": "06:00",
        "COUNTERFLOW_MAX_FAILED_SHARE": "0",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    yield found
    server.stop()


def body(letter: Message) -> str:
    part = next(one for one in letter.walk() if one.get_content_type() == "text/html")
    text = part.get_payload(decode=True)
    assert isinstance(text, bytes)
    return text.decode()


def test_a_night_that_is_late_and_dies_is_told_by_airflow(tmp_path: Path, letters: Letters) -> None:
    """Its gates refuse it, its own step cannot tell, and its deadline was long ago."""
    agency = Agency(tmp_path, missions=("ALB", "BLR"))
    agency.deliver("ALB", export([case(n) for n in range(30)]))
    agency.deliver("BLR", b"no zip at all")
    airflow = LocalAirflow(agency.settings, free_port())
    with running(airflow, *COMPONENTS) as processes:
        api = Api(airflow, processes.check)
        api.wait_for_dag(DAG_ID)
        run: Any = api._post(
            f"/api/v2/dags/{DAG_ID}/dagRuns",
            {"logical_date": f"{NIGHT}T02:00:00Z", "conf": {"night": str(NIGHT)}},
        )
        (*_, last) = api.follow(DAG_ID, run["dag_run_id"])
        assert last["state"] == "failed"
        late = letters.wait_for(f"Counterflow, night {NIGHT}: NOT published by 06:00", processes)
        died = letters.wait_for(f"Counterflow: the run {run['dag_run_id']} died", processes)
    assert "deadline_passed.md" in body(late)
    assert "night_failed.md" in body(died)
    assert late["To"] == died["To"] == "ops@example.org"
