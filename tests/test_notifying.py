"""Notifications through Airflow's own notifiers, to a real mail server and a real web server.

In a process of its own, as in a task or on the command line: Airflow wants its home before it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from counterflow.orchestration.config import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
PASSWORD = "hunter2-of-the-mail-server"
TOKEN = "T000/B000/secret-of-the-webhook"
TEXT = "Counterflow, night 2010-11-25\n\nBLR late: {{ 7 * 7 }} <b> & `code`"

SCRIPT = """
import asyncio, json
from counterflow import alarms, notifying
from counterflow.settings import Settings
settings = Settings.from_env()
found = {}
found["sent"] = notifying.send(settings, "a subject", TEXT)
found["async"] = asyncio.run(notifying.send_async(settings, "of the triggerer", TEXT))
found["desk"] = [notifying.send_to_desk(settings, desk, "own", "MDA late") for desk in ("chisinau-desk", "nobody")]
run = {"logical_date": "2010-11-25T02:00:00Z", "state": "running"}
asyncio.run(alarms.deadline_passed(context={"dag_run": run, "deadline": {}}, by="06:00"))
alarms.run_died({"run_id": "scheduled__2010-11-25", "reason": "timed_out"})
class Told:
    def xcom_pull(self, task_ids):
        return 0
alarms.run_died({"run_id": "told", "ti": Told(), "reason": "task_failure"})
warehouse = settings.warehouse
warehouse.mkdir(parents=True)
manifest = dict(night="2010-11-25", build_id="x", failed_tests=[], seconds=1, tables={})
(warehouse / "manifest.json").write_text(json.dumps(manifest))
asyncio.run(alarms.deadline_passed(context={"dag_run": run}, by="06:00"))  # published meanwhile: no alarm
print(json.dumps(found))
"""


@dataclass
class Servers:
    """What the two servers were sent."""

    letters: list[dict[str, Any]] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content)
        body = next(part for part in message.walk() if part.get_content_type() == "text/html")
        self.letters.append(
            {
                "to": envelope.rcpt_tos,
                "from": envelope.mail_from,
                "subject": message["Subject"],
                "body": body.get_payload(decode=True).decode(),  # type: ignore[union-attr]
            }
        )
        return "250 OK"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Servers, int, int]]:
    found = Servers()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.posts.append((self.path, body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    def known(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any
    ) -> AuthResult:
        wanted = LoginPassword(b"counterflow", PASSWORD.encode())
        return AuthResult(success=login == wanted)

    mail = Controller(
        found, hostname="127.0.0.1", port=free_port(), authenticator=known,
        auth_required=True, auth_require_tls=False,
    )  # fmt: skip
    web = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    mail.start()
    yield found, mail.port, web.server_port
    mail.stop()
    web.shutdown()
    web.server_close()


def run(folder: Path, mail: int, web: int, script: str = SCRIPT) -> tuple[Any, str]:
    """The script's JSON, and all that the process and Airflow left behind."""
    smtp = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": mail, "login": "counterflow", "password": PASSWORD,
        "extra": {"from_email": "counterflow@example.org", "disable_ssl": True, "disable_tls": True, "timeout": 5, "retry_limit": 0},
    }  # fmt: skip
    chat = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{web}/hooks", "password": TOKEN}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")} | {
        "COUNTERFLOW_HOME": str(folder),
        "COUNTERFLOW_MAIL_TO": "ops@example.org, desk@example.org",
        "COUNTERFLOW_CHAT": "1",
        "COUNTERFLOW_RUNBOOKS": "https://intranet.example.org/runbooks",
        "AIRFLOW_CONN_COUNTERFLOW_SMTP": json.dumps(smtp),
        "AIRFLOW_CONN_COUNTERFLOW_CHAT": json.dumps(chat),
        "AIRFLOW_VAR_COUNTERFLOW_DESK_CHISINAU_DESK": "chisinau@example.org",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", f"TEXT = {TEXT!r}\n{script}"],
        env=environment, capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    left = [p.read_bytes().decode("utf-8", "replace") for p in folder.rglob("*") if p.is_file()]
    return json.loads(done.stdout.splitlines()[-1]), "\n".join([done.stdout, done.stderr, *left])


@pytest.fixture(scope="module")
def told(
    servers: tuple[Servers, int, int], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Servers, Any, str]:
    found, mail, web = servers
    said, left = run(tmp_path_factory.mktemp("home"), mail, web)
    return found, said, left


def test_a_digest_comes_by_mail_and_chat(told: tuple[Servers, Any, str]) -> None:
    found, said, _ = told
    assert said["sent"] == {"mail": "sent", "chat": "sent"}
    letter = found.letters[0]
    assert letter["to"] == ["ops@example.org", "desk@example.org"]
    assert (letter["from"], letter["subject"]) == ("counterflow@example.org", "a subject")
    path, post = found.posts[0]
    assert path == f"/hooks/{TOKEN}"
    assert post["text"] == TEXT


def test_a_text_is_no_template_and_no_markup(told: tuple[Servers, Any, str]) -> None:
    found, _, _ = told
    assert "{{ 7 * 7 }} &lt;b&gt; &amp; `code`" in found.letters[0]["body"]
    assert "49" not in found.posts[0][1]["text"]


def test_the_triggerer_sends_too(told: tuple[Servers, Any, str]) -> None:
    found, said, _ = told
    assert said["async"] == {"mail": "sent", "chat": "sent"}
    assert [one["subject"] for one in found.letters][1] == "of the triggerer"


def test_a_desk_is_written_to_where_airflow_has_its_address(told: tuple[Servers, Any, str]) -> None:
    found, said, _ = told
    assert said["desk"] == ["sent", ""]
    assert found.letters[2]["to"] == ["chisinau@example.org"]


def test_alarms_name_the_night_the_run_and_their_page(told: tuple[Servers, Any, str]) -> None:
    found, _, _ = told
    late, died = found.letters[
        3:
    ]  # and none for a run that has told, nor for a night that is published
    assert late["subject"] == "Counterflow, night 2010-11-25: NOT published by 06:00 UTC"
    assert "https://intranet.example.org/runbooks/deadline_passed.md" in late["body"]
    assert "timed_out" in died["body"]
    assert "https://intranet.example.org/runbooks/night_failed.md" in died["body"]


def test_no_password_stands_in_what_is_printed_or_left(told: tuple[Servers, Any, str]) -> None:
    _, _, left = told
    assert PASSWORD not in left
    assert TOKEN not in left


def test_a_server_that_does_not_answer_is_said_by_its_kind(tmp_path: Path) -> None:
    script = SCRIPT.partition('found["async"]')[0] + "print(json.dumps(found))"
    said, left = run(tmp_path, free_port(), free_port(), script)
    assert set(said["sent"]) == {"mail", "chat"}
    assert "sent" not in said["sent"].values()
    assert PASSWORD not in left
    assert TOKEN not in left
