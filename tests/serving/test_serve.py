"""`counterflow serve` as analysts meet it: real clients in other processes, over publications that change."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from counterflow import keys
from counterflow.sealing import PUBLISHED, Seal
from counterflow.settings import Settings
from tests.serving.world import Client, Home

COUNT = "select count(*), min(publication), max(publication) from w.core.fct_case"
RUNAWAY = "select count(*) from range(1000000000) a, range(1000) b where a.range * b.range % 7 = 3"
GREEDY = "select sum(len(s)) from (select list(repeat('x', 1000) || range) s from range(100000000))"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("serving") / "home")
    made.publish(10)
    return made


@pytest.fixture(scope="module")
def token(home: Home) -> str:
    return home.token("amina")


@pytest.fixture(scope="module")
def port(home: Home, token: str) -> Iterator[int]:
    with home.serving("--seconds", "2", "--memory", "256 MB") as found:
        yield found


@pytest.fixture(scope="module")
def client(port: int, token: str) -> Iterator[Client]:
    made = Client(port, token)
    assert made.attached == []
    yield made
    made.close()


def test_a_client_stays_attached_while_publications_are_replaced(
    home: Home, client: Client, port: int
) -> None:
    seen = set()
    for cases in (10, 20, 30_000, 50):
        home.publish(cases)
        for _ in range(3):
            found = client.ask(COUNT)
            assert isinstance(found, list), found
            rows, least, most = found[0]
            assert rows == least == most, "one query, one publication"
            seen.add(rows)
        assert found == [[cases, cases, cases]]
    assert seen == {10, 20, 30_000, 50}
    home.publish(60_000)
    assert len(client.ask("select case_key, mission_code from w.core.fct_case")) == 60_000
    ended = [one for one in home.log() if one["event"] == "ended"][-1]
    assert (ended["outcome"], ended["rows"], ended["analyst"]) == ("answered", 60_000, "amina")


def test_no_query_fails_while_a_publication_follows_another(home: Home, client: Client) -> None:
    def nights() -> None:
        for cases in range(101, 109):
            home.publish(cases)
            time.sleep(0.2)

    home.publish(100)
    publishing = threading.Thread(target=nights)
    publishing.start()
    seen = []
    while publishing.is_alive():
        found = client.ask(COUNT)
        assert isinstance(found, list), found
        rows, least, most = found[0]
        assert rows == least == most
        seen.append(rows)
    publishing.join()
    assert client.ask(COUNT) == [[108, 108, 108]]
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_nobody_reads_a_former_publication_for_longer_than_a_query_may_take(
    home: Home, client: Client
) -> None:
    home.publish(42)
    assert client.ask(COUNT) == [[42, 42, 42]]
    (gate,) = {p for p in psutil.process_iter() if is_called(p, home, "serve")}
    for _ in range(100):
        open_files = [f.path for p in gate.children() for f in p.open_files()]
        if not any("deleted" in name for name in open_files) and len(gate.children()) == 1:
            return
        time.sleep(0.1)
    raise AssertionError(open_files)


def test_a_table_of_the_same_name_in_another_schema_is_never_taken_for_it(client: Client) -> None:
    assert client.remotely("select publication from history.fct_case") == [[-1]]
    assert client.ask("select min(publication) from w.core.fct_case") != [[-1]]
    found = client.ask("select publication from w.history.fct_case")
    assert found == [[-1]] or "does not exist" in str(found)


def is_called(process: psutil.Process, home: Home, word: str) -> bool:
    try:
        words = process.cmdline()
        return word in words and process.environ().get("COUNTERFLOW_HOME") == str(home.path)
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from read_csv('/etc/passwd')", "disabled by configuration"),
        ("from read_text('/etc/passwd')", "disabled by configuration"),
        ("from glob('/etc/*')", "disabled by configuration"),
        ("from read_csv('http://127.0.0.1:1/x.csv')", "disabled by configuration"),
        ("copy (select 1) to '/tmp/counterflow-leak.csv'", "only queries"),
        ("explain analyze copy (select 1) to '/tmp/counterflow-leak.csv'", "only queries"),
        ("attach '/tmp/other.duckdb' as other", "only queries"),
        ("detach warehouse", "only queries"),
        ("set threads = 8", "only queries"),
        ("load icu", "only queries"),
        ("install spatial", "only queries"),
        ("create table mine as select 1", "only queries"),
        ("delete from warehouse.core.fct_case", "only queries"),
        ("call quack_stop('quack:localhost')", "only queries"),
        ("from quack_serve('quack:0.0.0.0:9999')", "not for clients"),
        ("select 1 where exists (from quack_query('quack:x', 'select 1'))", "not for clients"),
        ("from query('from quack_server_list()')", "not for clients"),
        ("select 1; select 2", "one query at a time"),
        ("explain/**/analyze select * from quack_serve('quack:0.0.0.0:9999')", "yntax error"),
        ("explain analyze select * from quack_serve('quack:0.0.0.0:9999')", "not for clients"),
        ("selct 1", "yntax error"),
    ],
)
def test_a_client_reaches_neither_files_nor_network_nor_the_server(
    client: Client, query: str, said: str
) -> None:
    found = client.remotely(query)
    assert isinstance(found, str), found
    assert said in found
    assert not Path("/tmp/counterflow-leak.csv").exists()


def test_the_settings_are_locked_even_for_who_gets_past_the_gate(home: Home) -> None:
    """The worker's own fences, without the gate's reading of queries before them."""
    import duckdb

    from counterflow import shell
    from counterflow.serving import worker

    settings = Settings(home.path, home.path / "exports", home.path)
    connection = shell.unlocked(settings, attached=True)
    worker._name(connection)
    shell.lock(connection)
    for query in (
        "set threads = 2",
        "copy (select 1) to '/tmp/counterflow-leak.csv'",
        "attach '/tmp/other.duckdb' as other",
        "install spatial",
        "delete from warehouse.core.fct_case",
        "from read_text('/etc/passwd')",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(query)
    connection.close()


def test_a_query_is_ended_after_its_time_and_nobody_else_notices(
    home: Home, port: int, client: Client
) -> None:
    other = Client(port, home.token("bela"))
    client.send(f"from w.query('{RUNAWAY}')")
    beside = other.ask(COUNT)
    assert isinstance(beside, list), beside
    assert "longer than 2 seconds" in str(client.receive())
    assert isinstance(client.ask(COUNT), list), "the same client goes on"
    assert isinstance(other.ask(COUNT), list)
    other.close()
    assert "too long" in {one.get("outcome") for one in home.log()}


def test_a_query_that_wants_more_memory_fails_alone(client: Client) -> None:
    assert "256.0 MiB" in str(client.remotely(GREEDY))
    assert isinstance(client.ask(COUNT), list)


def test_the_log_says_who_asked_what_and_when(home: Home, client: Client) -> None:
    client.remotely("select count(*) as needle from core.fct_case")
    client.remotely("drop table core.fct_case")
    asked = [one for one in home.log() if "needle" in str(one.get("query"))][-1]
    ended = next(one for one in home.log() if one["event"] == "ended" and one["id"] == asked["id"])
    assert (asked["analyst"], asked["client"]) == ("amina", "127.0.0.1")
    assert str(asked["when"]) <= str(ended["when"])
    assert (ended["outcome"], ended["rows"]) == ("answered", 1)
    assert "refused" in {one.get("outcome") for one in home.log()}
    assert stat.S_IMODE((home.path / "serve" / "audit").stat().st_mode) == 0o700


def test_a_token_is_hashed_shown_once_and_refused_once_it_is_revoked(home: Home, port: int) -> None:
    token = home.token("cora")
    file = home.path / "serve" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text("utf-8")
    assert "cora has a token" in home.run("serve", "tokens", "add", "cora").stderr
    assert "cora" in home.run("serve", "tokens", "list").stdout
    one = Client(port, token)
    assert isinstance(one.ask(COUNT), list)
    assert home.run("serve", "tokens", "revoke", "cora").returncode == 0
    assert "revoked" in str(one.ask(COUNT))
    one.close()
    again = Client(port, token)
    assert "not known, or was revoked" in str(again.attached)
    again.close()
    assert home.run("serve", "tokens", "revoke", "cora").returncode == 1
    assert token not in str(home.log())


def test_an_encrypted_warehouse_is_served_and_the_key_told_to_nobody(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    settings = Settings(home.path, home.path / "exports", home.path)
    keys.begin(settings)
    seal = Seal.of(settings)
    path = home.path / "warehouse" / "warehouse.duckdb"
    with seal.opened(path, read_only=False, purpose=PUBLISHED) as made:
        made.execute("create schema core")
        made.execute("create table core.fct_case as select 1 as case_key, 7 as publication")
    token = home.token("dora")
    with home.serving() as port:
        client = Client(port, token)
        assert client.attached == []
        assert client.ask(COUNT) == [[1, 7, 7]]
        told = str(client.remotely("from duckdb_databases()"))
        told += str(client.remotely("select * from duckdb_settings()"))
        assert seal.analysts_key() not in told
        client.close()
