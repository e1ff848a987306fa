"""moto's S3 server in a process of its own, which asks for signatures by a key that it gave out.

It holds its objects in memory. `server.client()` is boto3's, for a test to put objects with.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.servers.running import HOST, folder, free_port, process

REGION = "eu-central-1"


@dataclass(frozen=True)
class S3:
    """What a client must know. The bucket is there."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str

    def client(self) -> Any:
        """A client of boto3."""
        return _client(self.endpoint, self.access_key, self.secret_key)

    def put(self, name: str, data: bytes) -> None:
        """An object in the bucket."""
        self.client().put_object(Bucket=self.bucket, Key=name, Body=data)


@contextmanager
def s3(bucket: str = "exports", port: int | None = None) -> Iterator[S3]:
    """A running S3 server with one user, one bucket, and nothing for who has no key."""
    port = port or free_port()
    endpoint = f"http://{HOST}:{port}"
    command = [sys.executable, "-c", _SERVE, str(port)]
    # The user and its rights are made first; from then on moto checks every signature.
    with folder() as home, process(command, port, home / "log"):
        iam = _client(endpoint, "none", "none", "iam")
        iam.create_user(UserName="counterflow")
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        iam.put_user_policy(
            UserName="counterflow",
            PolicyName="all",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )
        key = iam.create_access_key(UserName="counterflow")["AccessKey"]
        asked = urllib.request.Request(
            f"{endpoint}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(asked).close()
        server = S3(endpoint, key["AccessKeyId"], key["SecretAccessKey"], bucket)
        server.client().create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield server


_SERVE = """
import logging, sys
logging.getLogger("werkzeug").setLevel(logging.ERROR)
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"""


def _client(endpoint: str, access_key: str, secret_key: str, service: str = "s3") -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=REGION,
    )
