"""nginx with TLS: a folder listed as HTML, as JSON and over WebDAV, to whoever brings the token.

https://127.0.0.1:PORT/html/    autoindex, as nginx shows a folder to people
https://127.0.0.1:PORT/json/    the same for programs
https://127.0.0.1:PORT/plain/   files, but no listing
https://127.0.0.1:PORT/dav/     WebDAV (PROPFIND), as Nextcloud and its like speak it
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import certificates
from tests.servers.running import HOST, ROOT, folder, free_port, process, program

DAV = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
CONFIG = """\
{user}
{dav}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map_hash_bucket_size 256;
    map $http_authorization $is_known {{
        default 0;
        "Bearer {token}" 1;
        "Basic {basic}" 1;
    }}
    server {{
        listen {host}:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        if ($is_known = 0) {{ return 401; }}
        location /html/ {{ alias {root}/; autoindex on; }}
        location /json/ {{ alias {root}/; autoindex on; autoindex_format json; }}
        location /plain/ {{ alias {root}/; }}
        location /away/ {{ return 302 http://{host}:9/elsewhere; }}
        location /forbidden/ {{ return 403; }}
        location /broken/ {{ return 503; }}
        {dav_location}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """What a client must know. `log` is what nginx said, `access` who asked for what."""

    host: str
    port: int
    token: str
    user: str
    password: str
    ca: Path
    root: Path
    access: Path

    def url(self, path: str = "") -> str:
        """An address on the server."""
        return f"https://{self.host}:{self.port}/{path}"

    def put(self, name: str, data: bytes, age: float = 3600) -> Path:
        """A file on the server, last changed `age` seconds ago."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        at = path.stat().st_mtime - age
        os.utime(path, (at, at))
        return path


@contextmanager
def nginx(port: int | None = None) -> Iterator[Nginx]:
    """A running nginx with a new CA, token and password."""
    port = port or free_port()
    with folder() as home:
        root = home / "files"
        root.mkdir()
        certificates(home)
        token, password = secrets.token_hex(20), secrets.token_hex(12)
        has_dav = DAV.exists()
        (home / "nginx.conf").write_text(
            CONFIG.format(
                user="user root;" if ROOT else "",
                dav=f"load_module {DAV};" if has_dav else "",
                dav_location=(
                    f"location /dav/ {{ alias {root}/; dav_ext_methods PROPFIND OPTIONS; }}"
                    if has_dav
                    else ""
                ),
                folder=home,
                root=root,
                host=HOST,
                port=port,
                token=token,
                basic=base64.b64encode(f"mission:{password}".encode()).decode(),
            )
        )
        server = Nginx(
            HOST, port, token, "mission", password, home / "ca.pem", root, home / "access.log"
        )
        command = [
            program("nginx") or "nginx",
            "-p",
            home,
            "-c",
            home / "nginx.conf",
            "-e",
            "stderr",
        ]
        with process(command, port, home / "log"):
            yield server
