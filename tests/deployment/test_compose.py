"""The one-server shape agrees with the code: every variable, path and command in it exists."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from counterflow.orchestration.config import LocalAirflow
from counterflow.orchestration.processes import COMPONENTS
from counterflow.orchestration.server_secrets import make_cluster
from counterflow.orchestration.server_secrets import make_server as make_server_secrets
from counterflow.settings import PROJECT, Settings
from tests.orchestration.test_config import airflow_options

COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
SERVICES: dict[str, Any] = COMPOSE["services"]
OTHERS = {"postgres", "redis", "s3"}  # images that are not ours
OURS = {name: service for name, service in SERVICES.items() if name not in OTHERS}
WORKING = {"scheduler", "worker"}  # where tasks run
ENVIRONMENT: dict[str, str] = COMPOSE["x-airflow"]["environment"]


def test_it_is_a_compose_file() -> None:
    check = Path(sys.executable).parent / "check-jsonschema"
    command = [check, "--builtin-schema", "vendor.compose-spec", PROJECT / "docker-compose.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_variable_of_ours_is_one_that_the_settings_read() -> None:
    source = (PROJECT / "plugins" / "counterflow" / "settings.py").read_text()
    known = set(re.findall(r'"(COUNTERFLOW_[A-Z_]+)"', source))
    text = (PROJECT / "docker-compose.yml").read_text() + DOCKERFILE
    host_only = {"COUNTERFLOW_UID", "COUNTERFLOW_GID"}  # of compose itself, not of the program
    assert set(re.findall(r"COUNTERFLOW_[A-Z_]+", text)) - host_only <= known


def test_every_airflow_variable_is_an_option_of_airflow() -> None:
    known = airflow_options() | celery_options()
    for name in ENVIRONMENT | SERVICES["worker"]["environment"]:
        if name.startswith("AIRFLOW__"):
            section, option = name.removeprefix("AIRFLOW__").lower().split("__")
            assert option.removesuffix("_cmd") in known[section], name


def celery_options() -> dict[str, set[str]]:
    """The provider's own list."""
    from airflow.providers.celery.get_provider_info import get_provider_info

    return {name: set(one["options"]) for name, one in get_provider_info()["config"].items()}


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, PROJECT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_cluster_is_told_are_variables_that_the_compose_file_asks_for() -> None:
    said = dict(
        line.split("=", 1)
        for line in (PROJECT / "cluster.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    asked = set(re.findall(r"\$\{(\w+):-", (PROJECT / "docker-compose.yml").read_text()))
    assert set(said) <= asked
    for name in ("COUNTERFLOW_STORE", "COUNTERFLOW_ENCRYPT_WAREHOUSE", "AIRFLOW_EXECUTOR"):
        assert name in said
    assert SERVICES["scheduler"]["command"] == ["airflow", "scheduler", "--skip-serve-logs"]


def test_each_worker_has_a_home_of_its_own_and_only_workers_have_keys() -> None:
    assert {v for v in SERVICES["worker"]["volumes"] if ":" not in v} == {
        "/var/lib/airflow",
        "/var/lib/counterflow",
    }
    for name, service in SERVICES.items():
        told = str(service.get("secrets", ""))
        assert ("variables" in told) == (name in {"worker", "init-cluster"}), name


def test_who_serves_what_is_published_sees_nothing_else() -> None:
    service = SERVICES["sql"]
    assert service["command"][:2] == ["counterflow", "serve"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["secrets"] == []
    mount, own = service["volumes"]
    assert own == "serve:/var/lib/counterflow/serve"
    assert mount["read_only"]
    assert mount["volume"] == {"subpath": "warehouse"}
    assert mount["target"].endswith("/warehouse")


def test_what_was_measured_on_a_laptop_holds_on_the_server(tmp_path: Path) -> None:
    local = LocalAirflow(Settings(home=tmp_path, exports=tmp_path, missions=tmp_path), 1).options()
    own = {  # addresses, paths, sizes and secrets are each shape's own
        "dags_folder", "plugins_folder", "parallelism", "max_active_tasks_per_dag",
        "execution_api_server_url", "simple_auth_manager_passwords_file", "simple_auth_manager_users", "sql_alchemy_conn",
        "base_log_folder", "host", "port", "base_url", "use_job_schedule", "dag_bundle_storage_path",
        "logging_level", "colored_console_log", "workers", "print_stats_interval",
        "fernet_key_cmd", "secret_key_cmd", "jwt_secret_cmd",
    }  # fmt: skip
    for section, options in local.items():
        for option, value in options.items():
            if option not in own:
                name = f"AIRFLOW__{section.upper()}__{option.upper()}"
                told = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", ENVIRONMENT.get(name, ""))
                assert told == value, name


def test_every_path_in_the_image_is_copied_into_it() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    assert {"plugins", "dags", "dbt_project", "expectations"} <= copied
    for folder in copied:
        assert (PROJECT / folder).is_dir()
    for value in ENVIRONMENT.values():
        for path in re.findall(r"/opt/counterflow/([\w/]+)", value):
            assert (PROJECT / path).is_dir()
            assert path.split("/")[0] in copied
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {f"!{folder}" for folder in copied} <= set(ignored)
    assert ignored[1] == "*"


def test_the_settings_find_their_project_in_the_image() -> None:
    # settings.PROJECT is where the package's source lies: the image installs it in place
    assert "--editable ." in DOCKERFILE
    assert "WORKDIR /opt/counterflow" in DOCKERFILE


def test_every_component_runs_and_is_watched() -> None:
    for name, arguments in COMPONENTS.items():
        assert SERVICES[name]["command"] == ["airflow", *arguments]
        assert SERVICES[name]["healthcheck"]["test"][3] == "counterflow.orchestration.healthy"
    assert set(OURS) == {*COMPONENTS, "init", "init-cluster", "worker", "sql"}
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) != (name in {"init", "init-cluster"}), name
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        assert set(limits) == {"cpus", "memory"} or name.startswith("init"), name


def test_every_module_that_is_called_exists() -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    for module in set(re.findall(r"counterflow\.orchestration\.\w+", text)):
        assert importlib.util.find_spec(module), module


def test_nothing_runs_as_root_or_may_become_it() -> None:
    assert re.search(r"^USER 1000:1000$", DOCKERFILE, re.MULTILINE)
    for name, service in SERVICES.items():
        if name == "postgres":  # begins as root to own its volume, then is another user
            continue
        assert service["user"] == "${COUNTERFLOW_UID:-1000}:${COUNTERFLOW_GID:-1000}", name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_tasks_see_exports_keys_and_data() -> None:
    for name, service in OURS.items():
        mounted = " ".join(map(str, service["volumes"]))
        sees = "/var/lib/counterflow" in mounted and "warehouse" not in mounted
        assert sees == (name in WORKING)
        assert ("/exports:ro" in mounted) == (name in WORKING)


def test_ui_and_endpoint_are_published_on_this_server_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${PORT:-8080}:8080", "127.0.0.1:${SQL_PORT:-9494}:9494"]


def test_images_are_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [SERVICES[name]["image"] for name in OTHERS]
    # by tag: the registry cannot be reached from the machines that build this, so no digest is known here
    assert all(re.search(r":\d+\.\d+(\.\d+)?(-|$)", image) for image in images)
    makefile = (PROJECT / "Makefile").read_text()
    pinned = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert pinned is not None
    assert f"ARG UV_VERSION={pinned[1]}" in DOCKERFILE


def test_connections_are_handed_on_from_files_to_those_who_need_them() -> None:
    told = {
        name: {one["path"] for one in service["env_file"]}
        for name, service in SERVICES.items()
        if "env_file" in service
    }
    missions, notices = "./var/secrets/missions.env", "./var/secrets/notices.env"
    assert told == {
        **{name: {missions, notices} for name in WORKING},
        # the alarms of a night that is late, or died, are theirs; exports are not
        **{name: {notices} for name in ("triggerer", "dag-processor")},
    }
    for service in SERVICES.values():
        for one in service.get("env_file", []):
            assert (one["required"], one["format"]) == (False, "raw")  # a `$` is a `$`
    ignored = (PROJECT / ".gitignore").read_text().split()
    assert "/var/" in ignored
    assert all(f"COUNTERFLOW_{name}" in ENVIRONMENT for name in ("CONNECTIONS", "WAREHOUSE"))


def test_secrets_are_files_that_the_code_makes(tmp_path: Path) -> None:
    make_server_secrets(tmp_path / "secrets")
    make_cluster(tmp_path / "secrets")
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(made)
    assert {path.stat().st_mode & 0o777 for path in made.values()} == {0o600}
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"].removesuffix(".json") == f"./var/secrets/{name}"
    secret_names = ("KEY", "SECRET", "PASSWORD", "CONN")
    for name in [*ENVIRONMENT, *SERVICES["postgres"]["environment"]]:
        if name.rpartition("_")[2] in secret_names:
            raise AssertionError(f"{name} holds a secret in the environment")


def test_the_connection_is_put_together_from_its_secret(tmp_path: Path) -> None:
    make_server_secrets(tmp_path)
    command = ENVIRONMENT["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"].replace("$$", "$")
    command = command.replace("/run/secrets", str(tmp_path))
    said = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True).stdout
    password = (tmp_path / "postgres_password").read_text()
    assert said == f"postgresql+psycopg2://airflow:{password}@postgres/airflow"


POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if os.name == "posix" else []


@pytest.mark.skipif(
    not POSTGRES or os.geteuid() != 0 or not shutil.which("runuser"),
    reason="needs PostgreSQL on this machine, and root to run it as its own user",
)
def test_its_init_service_makes_postgresql_ready() -> None:
    """The server's own environment, on a PostgreSQL of this machine instead of the container's."""
    # pytest's own folders are closed to the user postgres, and too deep for the path of a socket
    with tempfile.TemporaryDirectory(prefix="counterflow-") as folder:
        Path(folder).chmod(0o755)
        make_postgresql_ready(Path(folder))


def make_postgresql_ready(folder: Path) -> None:
    """Start a PostgreSQL in `folder`, run the init service against it, look at what it left."""
    data, secrets = folder / "data", folder / "secrets"
    make_server_secrets(secrets)
    shutil.copy(secrets / "postgres_password", folder / "password")
    for path in (folder, folder / "password"):
        shutil.chown(path, "postgres")

    def as_postgres(*command: object) -> None:
        arguments = ["runuser", "-u", "postgres", "--", *map(str, command)]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    bin = POSTGRES[-1]
    as_postgres(
        bin / "initdb", "-D", data, "-U", "airflow", f"--pwfile={folder / 'password'}", "-A",
        "scram-sha-256",
    )  # fmt: skip
    options = f"-c listen_addresses= -c unix_socket_directories={folder}"
    as_postgres(bin / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        as_postgres("env", f"PGPASSWORD={(secrets / 'postgres_password').read_text()}",
                    bin / "createdb", "-h", folder, "-U", "airflow", "airflow")  # fmt: skip
        environment = server_environment(folder, secrets)
        done = subprocess.run(
            [sys.executable, "-m", "counterflow.orchestration.metadata"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        login = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
        assert login.stat().st_mode & 0o777 == 0o600
        pools = subprocess.run(
            ["psql", "-h", folder, "-U", "airflow", "-Atc", "select pool from slot_pool"],
            env={**os.environ, "PGPASSWORD": (secrets / "postgres_password").read_text()},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "missions" in pools.stdout.split()
    finally:
        as_postgres(bin / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def server_environment(folder: Path, secrets: Path) -> dict[str, str]:
    """What compose would give the init service, with this machine's paths."""
    here = {
        "/var/lib/airflow": str(folder / "airflow"),
        "/var/lib/counterflow": str(folder / "home"),
        "/opt/counterflow": str(PROJECT),
        "/run/secrets": str(secrets),
        "@postgres/airflow": f"@/airflow?host={folder}",
        "$$": "$",
    }
    told = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    for name, value in ENVIRONMENT.items():
        value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        for there, path in here.items():
            value = value.replace(there, path)
        told[name] = value
    return told


def test_the_api_server_sees_what_is_published_and_cannot_change_it() -> None:
    mounted = [one for one in OURS["api-server"]["volumes"] if not isinstance(one, str)]
    folders = {one["volume"]["subpath"]: (one["target"], one["read_only"]) for one in mounted}
    settings = Settings(Path("/var/lib/counterflow"), Path(), Path())
    assert folders == {
        "warehouse": (str(settings.warehouse), True),
        "pages": (str(settings.pages), True),
    }
    for target, _ in folders.values():  # they are there before the first night
        assert re.search(rf"install --directory [^&]*{target}( |$)", DOCKERFILE, re.MULTILINE)
