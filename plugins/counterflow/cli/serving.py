"""`counterflow serve`: the published warehouse for analysts elsewhere, and their tokens."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from counterflow.cli.common import AsJson
from counterflow.settings import Settings

app = typer.Typer(
    help="Serve the published warehouse to analysts elsewhere: Quack, read-only, a token each.\n\n"
    "Example: counterflow serve --seconds 60 --memory '1 GB'",
    invoke_without_command=True,
)
tokens_app = typer.Typer(help="Who may ask.", no_args_is_help=True)
app.add_typer(tokens_app, name="tokens")

_SIZE = re.compile(r"(\d+)\s*(MB|GB)", re.IGNORECASE)


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="The address to listen on; TLS is a reverse proxy's.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 9494,
    seconds: Annotated[float, typer.Option(min=1, help="What a query may take.")] = 60,
    memory: Annotated[str, typer.Option(help="What an analyst may use, as `1 GB`.")] = "1 GB",
    threads: Annotated[int, typer.Option(min=1, help="Of each analyst's process.")] = 1,
    keep_days: Annotated[int, typer.Option(min=1, help="Of the audit log.")] = 365,
) -> None:
    """Serve the published warehouse to clients of DuckDB until Ctrl-C; a new publication is served as it comes.

    Example: counterflow serve --seconds 60 --memory "1 GB"
    """
    if context.invoked_subcommand is not None:
        return
    from counterflow.serving import tokens
    from counterflow.serving.server import Limits, serve

    size = _SIZE.fullmatch(memory.strip())
    if size is None:
        raise typer.BadParameter("write memory as `512 MB` or `2 GB`")
    settings = Settings.from_env()
    amount = int(size[1]) * (1 << (30 if size[2].upper() == "GB" else 20))
    if not any(not one.revoked for one in tokens.listed(settings)):
        typer.echo("nobody has a token yet: `counterflow serve tokens add NAME`", err=True)
    typer.echo(f"serving on quack:{host}:{port}, until Ctrl-C", err=True)
    serve(settings, host, port, Limits(seconds, amount, threads), keep_days)


@tokens_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose: a person's name or address.")],
    as_json: AsJson = False,
) -> None:
    """Issue a token to an analyst. It is printed once, and only its hash is kept.

    Example: counterflow serve tokens add amina
    """
    from counterflow.serving import tokens

    token = tokens.issue(Settings.from_env(), name)
    typer.echo(json.dumps({"name": name, "token": token}, indent=1) if as_json else token)
    if not as_json:
        typer.echo("give it to nobody else; it is not shown again", err=True)


@tokens_app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Whose tokens there are, and which were revoked.

    Example: counterflow serve tokens list --json
    """
    from counterflow.display import rows_table
    from counterflow.serving import tokens

    found = [one.to_dict() for one in tokens.listed(Settings.from_env())]
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        names = ("name", "issued", "revoked")
        rows_table(names, [tuple(one[name] for name in names) for one in found])


@tokens_app.command("revoke")
def revoke(name: Annotated[str, typer.Argument(help="Whose.")]) -> None:
    """End an analyst's token; a server that runs refuses it from the next request on.

    Example: counterflow serve tokens revoke amina
    """
    from counterflow.serving import tokens

    tokens.revoke(Settings.from_env(), name)
    typer.echo(f"the token of {name} is revoked")
