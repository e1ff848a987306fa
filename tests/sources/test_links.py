"""What goes wrong between us and a mission's server: one clear sentence, at once or tried again, and no secret in it."""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterflow import connections, nightly
from counterflow.landing import Landing
from counterflow.missions import contract_of, transport
from counterflow.sources import LinkRefusedError, Refused, UnreachableError, remote
from counterflow.warehouse.sentences import ours
from counterflow.warehouse.sentences import said as spoken
from tests import locks
from tests.servers.cutting import cutting
from tests.servers.nginx import Nginx, nginx
from tests.servers.running import ROOT, free_port, needs
from tests.servers.s3 import S3, s3
from tests.servers.sshd import Sshd, sshd
from tests.sources.linked import agency, define, night, over_https, over_s3, over_sftp
from tests.support import NIGHT, Agency, everything, export

SENT = export()
NAME = f"ALB/outgoing/cases_{NIGHT:%Y%m%d}.zip"
LARGE = random.Random(1).randbytes(3_000_000)
PERSON = "Zxqvella Planted"


@pytest.fixture(scope="module")
def ssh() -> Iterator[Sshd]:
    with sshd() as server:
        yield server


@pytest.fixture(scope="module")
def web() -> Iterator[Nginx]:
    with nginx() as server:
        yield server


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agency:
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(remote.RemoteTransport.__init__, "__defaults__", ((0.0, 0.0),))
    return agency(tmp_path, missions=("ALB",))


def outcome(made: Agency) -> tuple[str, str]:
    return night(made)["ALB"]


def fetched(made: Agency) -> bytes:
    """The newest export as its transport gives it."""
    contract = contract_of(made.settings, "ALB")
    fetcher = transport(made.settings, contract)
    delivery = fetcher.newest(contract, NIGHT)
    assert delivery is not None
    try:
        return fetcher.fetch(delivery, 10**8)
    finally:
        fetcher.close()


@needs("sshd", root=True)
def test_a_password_opens(ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh.put(NAME, SENT)
    define(monkeypatch, over_sftp(ssh, password=ssh.password))
    assert outcome(alone) == ("loaded", "")


def refusals(ssh: Sshd, web: Nginx, bucket: S3) -> Iterator[tuple[dict[str, Any], str]]:
    another = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    wrong = "wrong-Passw0rd-of-this-test"
    if ROOT:
        yield over_sftp(ssh, password=wrong), "refused the password or key"
    yield over_sftp(ssh, host_key=None), "pins no `host_key`"
    yield over_sftp(ssh, host_key=another), "another host key than the one that is pinned"
    yield over_sftp(ssh, path="elsewhere"), "the folder of `source.path` is not there"
    yield over_sftp(ssh, private_key="no key"), "its private key cannot be read"
    yield over_s3(bucket, password=wrong), "refused the secret of the access key"
    yield over_s3(bucket, bucket="elsewhere"), "the bucket is not there"
    yield over_https(web, password=wrong), "refused the token or password"
    yield over_https(web, login="mission", password=wrong), "refused the token or password"
    yield over_https(web, ca=None), "certificate is not one that is trusted"
    yield over_https(web, path="html/elsewhere"), "the folder of `source.path` is not there"
    yield over_https(web, path="away"), "sends to another address"
    yield over_https(web, path="forbidden"), "denies access"
    yield {**over_https(web), "host": "http://mission.example.org"}, "is not https"
    yield {**over_https(web), "extra": {"listing": "guess"}}, "`listing` in its extra"
    yield {"conn_type": "ftp", "host": "h"}, "its type is none of"


@needs("sshd", "nginx")
def test_what_stays_wrong_is_said_at_once_and_without_a_secret(
    ssh: Sshd, web: Nginx, bucket: S3, alone: Agency,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    ssh.put(NAME, SENT)
    web.put(NAME, SENT)
    bucket.put(NAME, SENT)
    monkeypatch.setattr(remote.time, "sleep", None)  # nothing waits to try again
    for said, problem in refusals(ssh, web, bucket):
        define(monkeypatch, said)
        status, message = outcome(alone)
        assert (status, problem in message) == ("failed", True), (said, message)
        assert "docs/runbooks/connection_refused.md" in message
        assert ours(message, spoken(alone.settings.missions)), message  # the leak gate lets it pass
        told = message + caplog.text + "".join(capfd.readouterr())
        told += everything(alone.settings.landing)
        extra = said.get("extra", {})
        for secret in ("Passw0rd", ssh.password or "-none-", web.token, bucket.secret_key,
                       extra.get("private_key") or "-none-"):  # fmt: skip
            assert secret not in told, problem
        assert (
            said["host"].partition("//")[2] not in message if "//" in said.get("host", "") else True
        )
        caplog.clear()


@needs("sshd", "nginx")
def test_a_line_that_breaks_is_taken_up_where_it_broke(
    ssh: Sshd, web: Nginx, bucket: S3, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urllib.parse import urlsplit

    ssh.put(NAME, LARGE)
    web.put(NAME, LARGE)
    bucket.put(NAME, LARGE)
    s3_port = urlsplit(bucket.endpoint).port or 0
    for port, left, said in (
        (ssh.port, 2, lambda at: over_sftp(ssh, at)),
        (web.port, 2, lambda at: over_https(web, port=at)),
        # moto takes one request a connection: listing, head, head, and then two that are cut
        (s3_port, 5, lambda at: over_s3(bucket, endpoint_url=f"http://127.0.0.1:{at}")),
    ):
        asked: list[tuple[int, int]] = []
        with cutting(port, after=1_000_000, left=left) as cutter:
            define(monkeypatch, said(cutter.port))
            watched(monkeypatch, asked)
            assert fetched(alone) == LARGE
        assert len(asked) >= 3, port
        # how much of what was sent before the cut is still received is up to the system
        assert all(start == had for start, had in asked), f"{port}: not where it broke, {asked}"
        assert asked[-1][0] > 0, f"{port}: begun anew"


def watched(monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int]]) -> None:
    """Tell of each reading from which byte it was asked for, and how many had come until then."""
    from counterflow.sources.objects import ObjectStore
    from counterflow.sources.sftp import SftpStore
    from counterflow.sources.web import WebStore

    had = 0
    for store in (SftpStore, ObjectStore, WebStore):
        real = getattr(store.read, "real", store.read)

        def read(self: Any, entry: Any, start: int, real: Any = real) -> Iterator[bytes]:
            nonlocal had
            asked.append((start, had))
            for chunk in real(self, entry, start):
                had += len(chunk)
                yield chunk

        read.real = real  # type: ignore[attr-defined]
        monkeypatch.setattr(store, "read", read)


@needs("sshd")
def test_a_line_that_stays_broken_is_tried_again_by_airflow(
    ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(monkeypatch, over_sftp(ssh, free_port()))
    assert nightly.plan(alone.settings, NIGHT).changed == ["ALB"]  # its own task tries
    with pytest.raises(ConnectionError, match="ALB: its server did not answer"):
        nightly.ingest(alone.settings, NIGHT, "ALB")
    record = Landing(alone.settings.landing, "ALB").record(NIGHT)
    assert record is not None
    assert ours(record.message, spoken(alone.settings.missions))
    assert (record.status, "server_unreachable.md" in record.message) == ("failed", True)
    ssh.put(NAME, SENT)
    define(monkeypatch, over_sftp(ssh))
    assert outcome(alone) == ("loaded", "")
    define(monkeypatch, over_sftp(ssh, free_port()))
    with pytest.raises(ConnectionError):
        nightly.ingest(alone.settings, NIGHT, "ALB")
    again = Landing(alone.settings.landing, "ALB").record(NIGHT)
    assert again is not None
    assert again.status == "loaded"  # what an earlier run did is not unmade


@needs("sshd")
def test_a_file_that_changes_while_it_is_read_is_read_anew_and_then_refused(
    ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    from counterflow.sources.sftp import SftpStore

    define(monkeypatch, over_sftp(ssh))
    ssh.put(NAME, SENT)
    real, changes = SftpStore.read, [1]

    def read(self: Any, entry: Any, start: int) -> Iterator[bytes]:
        yield from real(self, entry, start)
        if changes[0] > 0:
            changes[0] -= 1
            ssh.put(NAME, SENT + b" " * changes[0], age=3600 + 60 * (changes[0] + 1))

    monkeypatch.setattr(SftpStore, "read", read)
    assert fetched(alone) == SENT
    changes[0] = 9
    with pytest.raises(Refused, match="changed twice while it was read"):
        fetched(alone)


@needs("sshd")
@pytest.mark.parametrize(("name", "age", "data"), [
    ("outgoing/cases_20101125.zip.part", 3600, SENT),
    ("outgoing/cases_20101125.zip", 1, SENT),
    ("outgoing/cases_20101125.zip", 3600, b""),
])  # fmt: skip
def test_an_upload_in_progress_is_not_taken(
    name: str, age: float, data: bytes, ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"new{random.Random(name + str(age) + str(len(data))).randrange(10**9)}"
    ssh.put(f"{folder}/{name}", data, age)
    define(monkeypatch, over_sftp(ssh, path=folder))
    assert outcome(alone)[0] == "missing"


@needs("sshd", "nginx")
def test_a_checksum_that_disagrees_is_refused(
    ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    alone.contract("ALB", "  format: csv", "  checksum: sha256\n  format: csv")
    ssh.put(f"sums/outgoing/cases_{NIGHT:%Y%m%d}.zip", SENT)
    define(monkeypatch, over_sftp(ssh, path="sums"))
    assert "checksum_missing" in outcome(alone)[1]
    beside = f"sums/outgoing/cases_{NIGHT:%Y%m%d}.zip.sha256"
    ssh.put(beside, f"{'0' * 64}  cases_{NIGHT:%Y%m%d}.zip\n".encode())
    assert "checksum_mismatch" in outcome(alone)[1]
    ssh.put(beside, f"{hashlib.sha256(SENT).hexdigest()} *cases_{NIGHT:%Y%m%d}.zip\n".encode())
    assert outcome(alone) == ("loaded", "")


@needs("sshd", "nginx")
@pytest.mark.parametrize("way", ["sftp", "s3", "https"])
def test_a_signature_beside_the_export_comes_over_every_line(
    way: str, ssh: Sshd, web: Nginx, bucket: S3, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"sftp": ssh, "s3": bucket, "https": web}[way]
    path = {"path": "html/signed"} if way == "https" else {"path": "signed"}
    over = {"sftp": over_sftp, "s3": over_s3, "https": over_https}[way]
    define(monkeypatch, over(server, **path))
    signer, name = locks.pgp_key("signer"), f"signed/outgoing/cases_{NIGHT:%Y%m%d}.zip"
    cert = signer.extract_certificate()
    alone.contract("ALB", "limits: {", f"signature: {{by: {cert.fingerprint}}}\n  limits: {{")
    (alone.settings.missions / "keys").mkdir()
    (alone.settings.missions / "keys/alb.asc").write_text(str(cert), "utf-8")
    server.put(name, SENT)
    assert outcome(alone)[0] == "refused"
    assert "signature" in outcome(alone)[1]
    server.put(f"{name}.sig", locks.signature(signer, SENT + b"of something else"))
    assert "bad_signature" in outcome(alone)[1]
    server.put(f"{name}.sig", locks.signature(signer, SENT))
    assert outcome(alone) == ("loaded", "")


@needs("nginx")
def test_a_name_that_tells_a_person_is_written_nowhere(
    web: Nginx, alone: Agency, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    alone.contract("ALB", "outgoing/cases_", "outgoing/*cases_")
    web.put(f"named/outgoing/{PERSON} cases_{NIGHT:%Y%m%d}.zip", b"no zip")
    define(monkeypatch, over_https(web, path="html/named"))
    assert "bad_archive" in outcome(alone)[1]
    said = caplog.text + "".join(capfd.readouterr()) + everything(alone.settings.landing)
    assert "Zxqvella" not in said


def test_without_a_connection_exports_come_from_the_folder(alone: Agency) -> None:
    connections.forget()
    alone.deliver("ALB", SENT)
    assert outcome(alone) == ("loaded", "")


@needs("sshd")
def test_sessions_with_a_host_are_counted_over_processes(
    ssh: Sshd, alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    from counterflow.sources.hosts import place

    context = multiprocessing.get_context("fork")
    folder = alone.settings.hosts
    with place(folder, "h", 2), place(folder, "h", 2):
        with pytest.raises(UnreachableError, match="all sessions"), place(folder, "h", 2, 0.0):
            raise AssertionError("a third")
        with place(folder, "other", 1):
            pass
    with place(folder, "h", 2):
        pass
    busy, free = context.Event(), context.Event()
    other = context.Process(target=_one_session, args=(folder, busy, free))
    other.start()
    assert busy.wait(30)
    with place(folder, "h", 2):
        with pytest.raises(UnreachableError, match="all sessions"), place(folder, "h", 2, 0.0):
            raise AssertionError("a third, beside one of another process")
        other.kill()  # its session goes with it
        other.join(30)
        with place(folder, "h", 2, 10.0):
            pass


def _one_session(folder: Path, busy: Any, free: Any) -> None:
    from counterflow.sources.hosts import place

    with place(folder, "h", 2):
        busy.set()
        free.wait()


def test_a_backend_that_does_not_answer_is_not_one_that_knows_nothing(
    alone: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time import supervisor

    class Silent:
        def get_connection(self, conn_id: str) -> None:
            raise OSError("vault.example.org: token s.abc is expired")

    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: [Silent()])
    connections.forget()
    alone.deliver("ALB", SENT)  # an old folder must not take the server's place
    with pytest.raises(UnreachableError, match="did not answer") as told:
        connections.find(alone.settings, "mission_test")
    assert "s.abc" not in str(told.value)
    assert nightly.plan(alone.settings, NIGHT).changed == ["ALB"]
    connections.forget()


def test_a_connection_shows_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made = connections.Connection("c", "sftp", "h", 22, "u", "secret-word")
    assert "secret-word" not in repr(made)
    assert isinstance(made.refused("x"), LinkRefusedError)
