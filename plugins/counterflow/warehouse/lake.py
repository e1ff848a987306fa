"""The warehouse as a DuckLake: what is published in a file, in object storage and a catalogue that analysts share.

In: the published file. Out: one snapshot of a DuckLake (catalogue in PostgreSQL, encrypted Parquet below the
store's `lake/`) with the same schemas, tables, comments, macros and content hashes. It is made in one transaction:
who reads sees the old publication or the new one, never half. Tables whose content hash did not change stay as they are.

No snapshot but the newest is kept, and no file of an older one: a case that was taken out of the published file is
then in none of DuckLake's. So its history is no way back in time; `history` in the warehouse is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from urllib.parse import urlsplit

import duckdb

from counterflow import database
from counterflow.database import parameters
from counterflow.sealing import CONFIG, Seal
from counterflow.settings import Settings
from counterflow.warehouse.hashes import PUBLIC
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest

NAME = "lake"  # as readers attach it, and the schema of its catalogue
FOLDER = "lake"  # below the store
_FACTS = "publication"  # the table that says which build it is: main.publication
_EXTENSIONS = ("httpfs", "postgres_scanner", "ducklake")


_UNREACHED = (
    "the DuckLake is not reached ({}): its catalogue is in COUNTERFLOW_DATABASE_CONNECTION, its files in "
    "COUNTERFLOW_STORE. See docs/runbooks/store_unreachable.md"
)


class LakeRefusedError(Exception):
    """The DuckLake cannot be used as it is."""


class LakeUnreachableError(ConnectionError):
    """Catalogue or files do not answer: the next try may find them."""


def follow(settings: Settings, seal: Seal | None = None) -> tuple[str, ...]:
    """Let the DuckLake be what is published; the tables that changed. The caller holds the lock of the build.

    `seal`: of the published file, if it is not that of these settings.
    """
    if settings.warehouse_shape != "ducklake":
        return ()
    built = read_manifest(settings.warehouse / MANIFEST)
    path = settings.warehouse / "warehouse.duckdb"
    if built is None or not path.exists():
        return ()
    _make_schema(settings)
    with _said(), _connect(settings) as connection:
        (seal or Seal.of(settings)).attach(connection, path, "published")
        _attach(connection, read_only=False)
        connection.execute(f"use {NAME}")  # where what macros name is looked up
        changed = _put(connection, built)
        _forget(connection)
    return changed


def opened(settings: Settings, extensions: tuple[str, ...] = ()) -> duckdb.DuckDBPyConnection:
    """The DuckLake, read-only, as the database in use; it reads no other file than its own.

    `extensions` are loaded too: later it is not possible.
    """
    with _said():
        connection = _connect(settings)
        for name in extensions:
            connection.execute(f"load {_text(_extension(name))}")
        _attach(connection, read_only=True)
        connection.execute(f"use {NAME}")
        connection.execute("set allowed_directories = [?]", [_folder(settings)])
        connection.execute("set enable_external_access = false")
    return connection


def manifest(connection: duckdb.DuckDBPyConnection) -> Build:
    """What a DuckLake says it holds. Raises LakeRefusedError if nothing was published into it."""
    try:
        found = connection.execute(f"select manifest from {NAME}.main.{_FACTS}").fetchone()
    except duckdb.CatalogException:
        found = None
    if found is None:
        raise LakeRefusedError(
            "nothing was published into the DuckLake yet: run `counterflow publish`"
        )
    return Build.from_text(found[0])


def _put(connection: duckdb.DuckDBPyConnection, built: Build) -> tuple[str, ...]:
    """One transaction: tables that differ, those that are no more, macros, and what build it is."""
    held = _held(connection)
    before = dict(held.tables) if held is not None else {}
    changed = tuple(n for n, table in built.tables.items() if before.get(n) != table)
    gone = tuple(n for n in before if n not in built.tables)
    if held is not None and held.build_id == built.build_id and not changed and not gone:
        return ()
    connection.execute("begin")
    try:
        for schema in PUBLIC:
            connection.execute(f"create schema if not exists {NAME}.{schema}")
        for name in (*changed, *gone):
            connection.execute(f"drop table if exists {NAME}.{_quoted(name)}")
        for name in changed:
            connection.execute(
                f"create table {NAME}.{_quoted(name)} as from published.{_quoted(name)}"
            )
        _comment(connection, changed)
        _macros(connection)
        connection.execute(f"drop table if exists {NAME}.main.{_FACTS}")
        connection.execute(f"create table {NAME}.main.{_FACTS} (manifest varchar)")
        connection.execute(f"insert into {NAME}.main.{_FACTS} values (?)", [built.to_text()])
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return changed


def _held(connection: duckdb.DuckDBPyConnection) -> Build | None:
    try:
        return manifest(connection)
    except LakeRefusedError:
        return None


def _comment(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> None:
    """The caveats travel with their tables."""
    tables = connection.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables() "
        "where database_name = 'published' and comment is not null"
    ).fetchall()
    for name, comment in tables:
        if name in names:
            connection.execute(f"comment on table {NAME}.{_quoted(name)} is {_text(comment)}")
    columns = connection.execute(
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'published' and comment is not null"
    ).fetchall()
    for name, column, comment in columns:
        if name in names:
            place = f'{NAME}.{_quoted(name)}."{column}"'
            connection.execute(f"comment on column {place} is {_text(comment)}")


def _macros(connection: duckdb.DuckDBPyConnection) -> None:
    """`history.<fact>_as_of(night)`."""
    found = connection.execute(
        "select schema_name, function_name, parameters, macro_definition from duckdb_functions() "
        "where database_name = 'published' and function_type = 'table_macro' order by all"
    ).fetchall()
    for schema, name, parameters_, definition in found:
        text = definition.replace("published.", f"{NAME}.")
        said = ", ".join(parameters_)
        place = f'{NAME}."{schema}"."{name}"'
        connection.execute(f"drop macro table if exists {place}")
        connection.execute(f"create macro {place}({said}) as table {text}")


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the newest snapshot alone, and remove every file that only older ones, or a killed writer, named."""
    snapshots = [
        s for (s,) in connection.execute(f"select snapshot_id from {NAME}.snapshots()").fetchall()
    ]
    if older := sorted(snapshots)[:-1]:
        connection.execute(f"call ducklake_expire_snapshots('{NAME}', versions => {older})")
    connection.execute(f"call ducklake_cleanup_old_files('{NAME}', cleanup_all => true)")
    connection.execute(f"call ducklake_delete_orphaned_files('{NAME}', cleanup_all => true)")


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A DuckDB that knows how store and catalogue are reached; what it is told is in its memory alone."""
    connection = duckdb.connect(config=CONFIG)
    try:
        for name in _EXTENSIONS:
            connection.execute(f"load {_text(_extension(name))}")
        _secrets(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _folder(settings: Settings) -> str:
    """Where its Parquet is."""
    if settings.store is None:
        raise LakeRefusedError("a DuckLake needs a store (COUNTERFLOW_STORE): see docs/scale.md")
    return f"{settings.store.rstrip('/')}/{FOLDER}/"


def _attach(connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
    how = "read_only" if read_only else "encrypted, data_inlining_row_limit 0"
    connection.execute(
        f"attach 'ducklake:counterflow_lake' as {NAME} ({how}, meta_schema '{NAME}')"
    )


def _secrets(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """How store and catalogue are reached, as secrets of this connection: not in the text of a statement."""
    store = database.shared_connection(settings, settings.store_connection)
    if store is None:
        raise LakeRefusedError(
            f"there is no connection {settings.store_connection} (COUNTERFLOW_STORE_CONNECTION): see docs/scale.md"
        )
    endpoint = urlsplit(store.word("endpoint_url") or "https://s3.amazonaws.com")
    catalogue = parameters(settings)
    values = {
        "key_id": store.login,
        "secret": store.password,
        "endpoint": endpoint.netloc,
        "region": store.word("region_name", "us-east-1"),
        "style": store.word("addressing_style", "path"),
        "host": catalogue["host"],
        "port": str(catalogue["port"]),
        "user": catalogue["user"],
        "password": catalogue.get("password", ""),
        "database": catalogue["dbname"],
        "folder": _folder(settings),
    }
    for name, value in values.items():
        connection.execute(f"set variable {name} = ?", [value])
    given = {name: f"getvariable('{name}')" for name in values}
    connection.execute(
        f"create secret counterflow_store (type s3, key_id {given['key_id']}, secret {given['secret']}, "
        f"endpoint {given['endpoint']}, region {given['region']}, url_style {given['style']}, "
        f"use_ssl {'true' if endpoint.scheme == 'https' else 'false'})"
    )
    connection.execute(
        f"create secret counterflow_catalogue (type postgres, host {given['host']}, port {given['port']}, "
        f"user {given['user']}, password {given['password']}, database {given['database']})"
    )
    connection.execute(
        f"create secret counterflow_lake (type ducklake, metadata_path '', data_path {given['folder']}, "
        "metadata_parameters map {'TYPE': 'postgres', 'SECRET': 'counterflow_catalogue'})"
    )
    for name in values:
        connection.execute(f"reset variable {name}")


def _make_schema(settings: Settings) -> None:
    """The catalogue's schema, which DuckLake does not make."""
    import psycopg2

    try:
        connection = psycopg2.connect(connect_timeout=10, **parameters(settings))
    except psycopg2.Error as error:
        raise LakeUnreachableError(_UNREACHED.format(type(error).__name__)) from None
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create schema if not exists {NAME}")
    finally:
        connection.close()


@contextmanager
def _said() -> Iterator[None]:
    """DuckDB's errors in our words: its own may quote an address, or what a secret was made of."""
    try:
        yield
    except (duckdb.IOException, duckdb.HTTPException) as error:
        raise LakeUnreachableError(_UNREACHED.format(type(error).__name__)) from None
    except duckdb.Error as error:
        raise LakeRefusedError(
            f"the DuckLake refuses what is published ({type(error).__name__}); what analysts read in it is as "
            "it was. See docs/runbooks/store_unreachable.md"
        ) from None


def _extension(name: str) -> str:
    return str(
        files(f"duckdb_extension_{name}")
        / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
    )


def _quoted(name: str) -> str:
    schema, _, table = name.partition(".")
    return f'"{schema}"."{table}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
