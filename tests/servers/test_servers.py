"""The servers of tests serve, ask who comes, and are gone afterwards."""

from __future__ import annotations

import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import botocore.exceptions
import pytest

from tests.servers.nginx import nginx
from tests.servers.running import ROOT, needs, program
from tests.servers.s3 import s3
from tests.servers.sshd import sshd


def test_nothing_of_ours_is_skipped_where_it_can_be_installed() -> None:
    names = ("sshd", "nginx", "redis-server", "psql")
    missing = [name for name in names if program(name) is None]
    assert not (missing and ROOT and program("apt-get")), f"make servers: {missing}"


@needs("sshd", "sftp")
def test_sshd_serves_a_folder_to_who_has_the_key(tmp_path: Path) -> None:
    with sshd() as server:
        server.put("a/b.txt", b"hello")
        (tmp_path / "key").touch(0o600)
        (tmp_path / "key").write_text(server.private_key)
        (tmp_path / "known").write_text(f"[{server.host}]:{server.port} {server.host_key}\n")
        options = ["-oBatchMode=yes", f"-oUserKnownHostsFile={tmp_path / 'known'}"]
        command = ["sftp", "-q", "-P", str(server.port), "-i", str(tmp_path / "key"), *options]
        done = subprocess.run(
            [*command, f"{server.user}@{server.host}:a/b.txt", str(tmp_path / "got")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + server.log.read_text()
        assert (tmp_path / "got").read_bytes() == b"hello"
    with socket.socket() as knock:
        assert knock.connect_ex((server.host, server.port)) != 0
    assert server.user not in Path("/etc/passwd").read_text() or not ROOT


@needs("nginx")
def test_nginx_serves_with_its_own_ca_to_who_has_the_token() -> None:
    with nginx() as server:
        server.put("b.txt", b"hello")
        trusted = ssl.create_default_context(cafile=str(server.ca))

        def get(context: ssl.SSLContext, **headers: str) -> bytes:
            asked = urllib.request.Request(server.url("plain/b.txt"), headers=headers)
            with urllib.request.urlopen(asked, context=context) as answer:
                body: bytes = answer.read()
            return body

        assert get(trusted, Authorization=f"Bearer {server.token}") == b"hello"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(trusted, Authorization="Bearer other")
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            get(ssl.create_default_context(), Authorization=f"Bearer {server.token}")


def test_s3_serves_to_who_has_the_key() -> None:
    with s3() as server:
        server.put("a/b.txt", b"hello")
        got = server.client().get_object(Bucket=server.bucket, Key="a/b.txt")
        assert got["Body"].read() == b"hello"
        other = replace(server, secret_key="x" * 40).client()
        with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
            other.get_object(Bucket=server.bucket, Key="a/b.txt")
