"""HTTPS, by httpx: a connection of type `http` (or `https`) in, an open `Store` out.

A login and password are sent as such (Nextcloud's app passwords, ODK Central); a password alone is a token, after
the word of the extra's `auth_scheme` (`Bearer`; KoboToolbox wants `Token`). How a mission's files are found says
`listing` of the extra:

    index    the folder's own page, as nginx and Apache show one (HTML or JSON)
    webdav   PROPFIND, as Nextcloud and its like answer it
    dated    nothing lists them: each night's name is tried, the last `nights` (31) nights

Redirects are not followed: the token would go along.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree

import httpx

from counterflow.connections import Connection
from counterflow.sources.errors import ChangedError, UnreachableError
from counterflow.sources.objects import refuse_plain
from counterflow.sources.quiet import quiet
from counterflow.sources.transport import Entry

_LISTING_LIMIT = 16_000_000
_ASKED = (
    b'<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getcontentlength/>'
    b"<d:getlastmodified/><d:getetag/></d:prop></d:propfind>"
)
_WRONG = {
    401: "its server refused the token or password",
    403: "its server denies access",
    407: "the proxy on the way to its server asks for a password",
}


@contextmanager
def web(connection: Connection, root: str) -> Iterator[WebStore]:
    """A client, below the address `root`. Raises LinkRefusedError or UnreachableError."""
    quiet("httpx", "httpcore")
    address = _address(connection, root)
    auth, headers = None, {"Accept-Encoding": "identity"}
    if connection.login:
        auth = httpx.BasicAuth(connection.login, connection.password)
    elif connection.password:
        scheme = connection.word("auth_scheme", "Bearer")
        headers["Authorization"] = f"{scheme} {connection.password}"
    with _faults(connection):
        client = httpx.Client(
            auth=auth,
            headers=headers,
            verify=_trusted(connection),
            timeout=httpx.Timeout(60, connect=30),
        )
    with client:
        yield WebStore(connection, client, address)


class WebStore:
    """What a web server offers to `remote.RemoteTransport`."""

    settle = 0  # a server shows an upload when it is whole; where one does not, the contract says `settle`

    def __init__(self, connection: Connection, client: httpx.Client, address: str) -> None:
        self.connection, self.client, self.address = connection, client, address
        self.how = connection.word("listing", "index")
        if self.how not in ("index", "webdav", "dated"):
            raise connection.refused("`listing` in its extra is `index`, `webdav` or `dated`")

    @property
    def dated(self) -> int | None:
        """Of how many nights the names are tried; None where the server lists its files."""
        return self.connection.number("nights", 31) if self.how == "dated" else None

    def listing(self, folder: str) -> Iterator[Entry]:
        """What the folder's page or WebDAV tells; a page tells names only."""
        url = self._at(f"{folder}/" if folder else "")
        what = "the folder of `source.path`"
        if self.how == "webdav":
            asked = {"Depth": "1", "Content-Type": "application/xml"}
            text, _ = self._small("PROPFIND", url, what, headers=asked, content=_ASKED)
            found = _of_webdav(self.connection, text, url)
        else:
            text, kind = self._small("GET", url, what)
            found = _of_json(self.connection, text) if "json" in kind else _of_html(text, url)
        for name, entry in found:
            path = f"{folder}/{name}".lstrip("/")
            yield Entry(path, entry.is_folder, entry.size, entry.modified, entry.tag)

    def stat(self, path: str) -> Entry | None:
        """Length, date and ETag, as the answer to HEAD tells them."""
        with _faults(self.connection):
            answer = self.client.head(self._at(path))
        if answer.status_code in (404, 410):
            return None
        if answer.status_code in (405, 501):
            return Entry(path)
        self._refuse(answer.status_code, "the export")
        headers = answer.headers
        length = headers.get("content-length", "")
        packed = headers.get("content-encoding", "identity") != "identity"
        size = int(length) if length.isdecimal() and not packed else None
        return Entry(
            path, False, size, _moment(headers.get("last-modified")), headers.get("etag") or None
        )

    def read(self, entry: Entry, start: int) -> Iterator[bytes]:
        """The bytes from `start` on; what a server sends once more is passed over."""
        headers = {}
        if start:
            headers["Range"] = f"bytes={start}-"
            if entry.tag is not None and not entry.tag.startswith("W/"):
                headers["If-Match"] = entry.tag
        with (
            _faults(self.connection),
            self.client.stream("GET", self._at(entry.path), headers=headers) as answer,
        ):
            if answer.status_code in (412, 416):
                raise ChangedError
            if answer.status_code in (404, 410):
                raise self.connection.refused("the export is not there")
            self._refuse(answer.status_code, "the export")
            told = answer.headers.get("content-range", "")
            if answer.status_code == 206 and not told.startswith(f"bytes {start}-"):
                raise ChangedError
            skip = start if answer.status_code == 200 else 0
            for chunk in answer.iter_raw():
                if skip >= len(chunk):
                    skip -= len(chunk)
                    continue
                yield chunk[skip:]
                skip = 0

    def _small(self, method: str, url: str, what: str, **asked: Any) -> tuple[bytes, str]:
        """An answer that is no export, bounded."""
        with _faults(self.connection), self.client.stream(method, url, **asked) as answer:
            if answer.status_code in (404, 410):
                raise self.connection.refused(f"{what} is not there")
            self._refuse(answer.status_code, what)
            text = b""
            for chunk in answer.iter_bytes():
                text += chunk
                if len(text) > _LISTING_LIMIT:
                    raise self.connection.refused(f"{what} is listed in too many bytes")
            return text, answer.headers.get("content-type", "")

    def _refuse(self, status: int, what: str) -> None:
        if status < 300:
            return
        if status in _WRONG:
            raise self.connection.refused(_WRONG[status])
        if status < 400:
            raise self.connection.refused(
                "its server sends to another address, and a token is not sent on: name that address"
            )
        if status < 500 and status not in (408, 425, 429):
            raise self.connection.refused(f"its server refused the request for {what} ({status})")
        raise UnreachableError(f"its server did not answer as it should ({status})")

    def _at(self, path: str) -> str:
        return self.address + quote(path)


def _address(connection: Connection, root: str) -> str:
    """The address that a connection says, as Airflow's own hook puts it together, ending with a stroke."""
    host = connection.host
    if not host:
        raise connection.refused("it names no host")
    if "://" not in host:
        scheme = connection.schema if connection.schema in ("http", "https") else "https"
        host = f"{scheme}://{host}"
    parts = urlsplit(host)
    name = parts.netloc
    if connection.port and ":" not in name.rpartition("@")[2].rpartition("]")[2]:
        name = f"{name}:{connection.port}"
    if "@" in name:
        raise connection.refused("login and password stand in its address: give them as such")
    address = f"{parts.scheme}://{name}"
    refuse_plain(connection, address)
    path = "/".join(part.strip("/") for part in (parts.path, root) if part.strip("/"))
    return f"{address}/{quote(path, safe='/%')}/" if path else f"{address}/"


def _trusted(connection: Connection) -> ssl.SSLContext:
    """Whose certificates are trusted: the system's, or of the one CA that the extra names."""
    try:
        return ssl.create_default_context(
            cafile=connection.word("ca_file") or None, cadata=connection.word("ca") or None
        )
    except (OSError, ssl.SSLError, ValueError):
        raise connection.refused("its `ca` or `ca_file` is no certificate") from None


@contextmanager
def _faults(connection: Connection) -> Iterator[None]:
    """What httpx raises, in our words."""
    try:
        yield
    except httpx.ConnectError as error:
        if _is_of_certificates(error):
            raise connection.refused(
                "its server's certificate is not one that is trusted"
            ) from None
        raise UnreachableError("its server did not answer") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise connection.refused("its address is not written right") from None
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        if isinstance(error, UnreachableError):
            raise
        raise UnreachableError("its server did not answer or broke off") from None


def _is_of_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _moment(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (TypeError, ValueError):
        return None


def _of_webdav(connection: Connection, text: bytes, url: str) -> Iterator[tuple[str, Entry]]:
    """The members of a folder in a multistatus answer."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise connection.refused("its server answers PROPFIND with what is no WebDAV")
    try:
        answers = ElementTree.fromstring(text).findall("{DAV:}response")  # noqa: S314 - without entities
    except ElementTree.ParseError:
        raise connection.refused("its server answers PROPFIND with what is no WebDAV") from None
    own = unquote(urlsplit(url).path).rstrip("/")
    for answer in answers:
        path = unquote(urlsplit(answer.findtext("{DAV:}href", "")).path).rstrip("/")
        if path == own or not path.startswith(f"{own}/"):
            continue
        told = {found.tag: found for found in answer.iter()}
        length = told.get("{DAV:}getcontentlength")
        dated, tag = told.get("{DAV:}getlastmodified"), told.get("{DAV:}getetag")
        size = length.text if length is not None else None
        yield (
            path.rpartition("/")[2],
            Entry(
                "",
                "{DAV:}collection" in told,
                int(size) if size and size.isdecimal() else None,
                _moment(dated.text if dated is not None else None),
                tag.text if tag is not None else None,
            ),
        )


def _of_json(connection: Connection, text: bytes) -> Iterator[tuple[str, Entry]]:
    """nginx's `autoindex_format json`."""
    import json

    try:
        told = json.loads(text)
        found = [(str(one["name"]), one.get("type") == "directory") for one in told]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise connection.refused("its server's index is no list of files") from None
    for name, is_folder in found:
        if "/" not in name:
            yield name, Entry("", is_folder)


def _of_html(text: bytes, url: str) -> Iterator[tuple[str, Entry]]:
    """The links of a page that lead to what lies directly in its folder."""
    links = _Links()
    links.feed(text.decode("utf-8", "replace"))
    here = urlsplit(url)
    for name in dict.fromkeys(links.found):
        try:
            led = urlsplit(urljoin(url, name))
        except ValueError:
            continue
        own = unquote(here.path)
        path = unquote(led.path)
        rest = path.removeprefix(own)
        is_below = led.netloc == here.netloc and path.startswith(own) and not led.query
        if is_below and rest and "/" not in rest.rstrip("/"):
            yield rest.rstrip("/"), Entry("", rest.endswith("/"))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect where links lead."""
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]
