"""S3 and what speaks it, by boto3: a connection of type `aws` in, an open `Store` out.

login and password are the access key and its secret; the extra has `bucket`, and `endpoint_url` where it is not
Amazon's. Without a login the machine's own role is asked, as boto3 finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from counterflow.connections import Connection
from counterflow.sources.errors import ChangedError, LinkRefusedError, UnreachableError
from counterflow.sources.quiet import quiet
from counterflow.sources.transport import Entry

_CHUNK = 1 << 18
_CHANGED = {"PreconditionFailed", "412", "InvalidRange", "416"}
_GONE = {"NoSuchKey", "404", "NotFound"}
_WRONG = {
    "AccessDenied": "its server denies the key access to the bucket",
    "403": "its server denies the key access to the bucket",
    "InvalidAccessKeyId": "its server does not know the access key",
    "SignatureDoesNotMatch": "its server refused the secret of the access key",
    "AuthorizationHeaderMalformed": "its `region_name` is not the bucket's",
    "NoSuchBucket": "the bucket is not there",
    "ExpiredToken": "its session token has expired",
    "InvalidToken": "its session token is not known",
    "PermanentRedirect": "the bucket is at another endpoint",
    "301": "the bucket is at another endpoint",
}


@contextmanager
def objects(connection: Connection, root: str) -> Iterator[ObjectStore]:
    """A client, below the prefix `root`. Raises LinkRefusedError or UnreachableError."""
    import boto3
    from botocore.config import Config

    quiet("boto3", "botocore", "urllib3", "s3transfer")
    bucket = connection.word("bucket") or _of_service(connection, "bucket_name")
    if not bucket:
        raise connection.refused("its extra names no `bucket`")
    endpoint = connection.word("endpoint_url") or _of_service(connection, "endpoint_url") or None
    if endpoint is not None:
        refuse_plain(connection, endpoint)
    with _faults(connection):
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=connection.login or None,
            aws_secret_access_key=connection.password or None,
            aws_session_token=connection.word("aws_session_token") or None,
            region_name=connection.word("region_name") or None,
            verify=connection.word("ca_file") or None,
            config=Config(
                connect_timeout=30,
                read_timeout=60,
                retries={"total_max_attempts": 1},  # it is our pauses that count
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )
    try:
        yield ObjectStore(connection, client, bucket, root)
    finally:
        client.close()


class ObjectStore:
    """What a bucket offers to `remote.RemoteTransport`."""

    settle = 0  # an object is there when it is whole
    dated: int | None = None

    def __init__(self, connection: Connection, client: Any, bucket: str, root: str) -> None:
        self.connection, self.client, self.bucket = connection, client, bucket
        self.root = root.strip("/")

    def listing(self, folder: str) -> Iterator[Entry]:
        """The objects and the common prefixes below a prefix."""
        prefix = self._at(folder) + "/" if self._at(folder) else ""
        with _faults(self.connection):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                for one in page.get("CommonPrefixes", ()):
                    yield Entry(self._from(one["Prefix"].rstrip("/")), is_folder=True)
                for one in page.get("Contents", ()):
                    if one["Key"] != prefix:
                        yield Entry(
                            self._from(one["Key"]),
                            False,
                            one["Size"],
                            one["LastModified"].timestamp(),
                            one.get("ETag"),
                        )

    def stat(self, path: str) -> Entry | None:
        """Size, date and ETag of an object."""
        with _faults(self.connection):
            try:
                told = self.client.head_object(Bucket=self.bucket, Key=self._at(path))
            except self.client.exceptions.ClientError as error:
                if _code(error) in _GONE:
                    return None
                raise
        modified = told["LastModified"].timestamp()
        return Entry(path, False, told["ContentLength"], modified, told.get("ETag"))

    def read(self, entry: Entry, start: int) -> Iterator[bytes]:
        """The bytes from `start` on, of this version of the object or none."""
        if entry.size == start:
            return
        asked = {"Bucket": self.bucket, "Key": self._at(entry.path), "Range": f"bytes={start}-"}
        if entry.tag is not None:
            asked["IfMatch"] = entry.tag
        with _faults(self.connection):
            body = self.client.get_object(**asked)["Body"]
            try:
                yield from body.iter_chunks(_CHUNK)
            finally:
                body.close()

    def _at(self, path: str) -> str:
        return "/".join(part for part in (self.root, path) if part)

    def _from(self, key: str) -> str:
        return key.removeprefix(self.root).lstrip("/") if self.root else key


@contextmanager
def _faults(connection: Connection) -> Iterator[None]:
    """What botocore raises, in our words."""
    import urllib3.exceptions
    from botocore import exceptions

    try:
        yield
    except (LinkRefusedError, UnreachableError, ChangedError):
        raise
    except exceptions.ClientError as error:
        code, status = (
            _code(error),
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"),
        )
        if code in _CHANGED:
            raise ChangedError from None
        if code in _WRONG:
            raise connection.refused(_WRONG[code]) from None
        if code in _GONE:
            raise connection.refused("the export is not there") from None
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 429):
            raise connection.refused(f"its server refused the request ({status})") from None
        raise UnreachableError("its server did not answer as it should") from None
    except exceptions.SSLError:
        raise connection.refused("its server's certificate is not one that is trusted") from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise connection.refused("it has no login (access key) and password (its secret)") from None
    except (exceptions.NoRegionError, exceptions.ParamValidationError, ValueError):
        raise connection.refused("its endpoint, region or bucket is not written right") from None
    except (exceptions.BotoCoreError, urllib3.exceptions.HTTPError, OSError):
        raise UnreachableError("its server did not answer or broke off") from None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _of_service(connection: Connection, key: str) -> str:
    """Where Airflow's own hook looks: `service_config.s3.<key>`."""
    told = connection.extra.get("service_config")
    told = told.get("s3") if isinstance(told, dict) else None
    return str(told.get(key) or "") if isinstance(told, dict) else ""


def refuse_plain(connection: Connection, address: str) -> None:
    """Personal data and tokens travel encrypted; only to this machine itself they need not."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise connection.refused("its address is not https, so that anybody on the way could read")
