"""What a cluster shares, made ready: the role and database of locks, the bucket of the store.

Run as `python -m counterflow.orchestration.cluster`, by the service `init-cluster` of `docker-compose.yml`, with the
connections that workers have. The role is made through Airflow's own connection, whose user owns the server.
An agency whose administrators make role, database and bucket does not need it.
"""

from __future__ import annotations

from counterflow.settings import Settings


def main() -> None:
    """Make what is missing of both."""
    settings = Settings.from_env()
    make_database(settings)
    make_bucket(settings)
    print("role, database and bucket are there")


def make_database(settings: Settings) -> None:
    """The role that the workers' connection names, with its password, and a database it owns."""
    import psycopg2
    from airflow.configuration import conf
    from psycopg2 import sql
    from sqlalchemy.engine import make_url

    from counterflow.database import parameters

    wanted = parameters(settings)
    server = make_url(conf.get("database", "sql_alchemy_conn"))
    connection = psycopg2.connect(
        host=server.host or server.query.get("host"),
        port=server.port or 5432,
        user=server.username,
        password=server.password,
        dbname=server.database,
    )
    connection.autocommit = True
    role, database = sql.Identifier(wanted["user"]), sql.Identifier(wanted["dbname"])
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_roles where rolname = %s", (wanted["user"],))
            verb = "alter" if cursor.fetchone() else "create"
            text = sql.SQL("{} role {} login password {}").format(
                sql.SQL(verb), role, sql.Literal(wanted["password"])
            )
            cursor.execute(text)
            cursor.execute("select 1 from pg_database where datname = %s", (wanted["dbname"],))
            if not cursor.fetchone():
                cursor.execute(sql.SQL("create database {} owner {}").format(database, role))
            # nobody else's tables: what this role may see is its own database
            cursor.execute(
                sql.SQL("revoke connect on database {} from public").format(
                    sql.Identifier(str(server.database))
                )
            )
    finally:
        connection.close()


def make_bucket(settings: Settings) -> None:
    """The bucket of the store."""
    from counterflow.store import Store

    Store.of(settings).make_bucket()


if __name__ == "__main__":
    main()
