"""Verbs for the keys that case keys and encryption are made with."""

from __future__ import annotations

from typing import Annotated

import typer

from counterflow.settings import Settings

app = typer.Typer(
    help="The keys that case keys and encryption are made with.", no_args_is_help=True
)


@app.command("init")
def keys_init() -> None:
    """Make the two keys, if there are none: 32 random bytes each, in files that only you can read.

    Example: counterflow keys init
    """
    from counterflow import keys

    settings = Settings.from_env()
    folder = keys.begin(settings)
    ring = keys.keyring(settings)
    where = f"{folder / keys.MASTER} and {keys.LINKING}" if folder else "Airflow's secrets backends"
    typer.echo(
        f"keys {ring.key_id} and {ring.linking_id} in {where}: back them up, apart from the data; without "
        "them no case can be followed from night to night"
    )


@app.command("export-key")
def keys_export_key(
    name: Annotated[str, typer.Argument(help="Its name in the contract, as `moldova_2026`.")],
    scheme: Annotated[str, typer.Option(help="pgp, age, or passphrase (for a zip or a workbook).")],
    mission: Annotated[str, typer.Option(help="Whose exports: stands in a public PGP key.")] = "",
) -> None:
    """Make a key for a mission's exports in keys/exports/, and print what the mission needs.

    That is a public key, which may go by e-mail; or a passphrase, which is told by telephone and kept nowhere else.

    Example: counterflow keys export-key moldova_2026 --scheme age
    """
    from counterflow.export_keys import SCHEMES, make

    if scheme not in SCHEMES:
        raise typer.BadParameter(f"a scheme is one of {', '.join(SCHEMES)}")
    typer.echo(make(Settings.from_env(), name, scheme, mission))


@app.command("rotate")
def keys_rotate() -> None:
    """Put everything under a new master key and remove the old one. Killed half-way, run it again.

    No mission is asked for anything. Case keys are other ones afterwards; analysts open the warehouse anew.

    Example: counterflow keys rotate
    """
    from counterflow import keys
    from counterflow.display import bar
    from counterflow.rotation import rotate

    settings = Settings.from_env()
    with bar("keys rotate") as progress:
        done = rotate(settings, progress)
    if not done.old:
        typer.echo(f"the rotation to {done.new} is finished: the old key was all that was left")
        return
    typer.echo(
        f"rotated {done.old} to {done.new}: {done.exports} landed exports, {done.files} publications, "
        f"{done.releases} releases under the new key"
    )
    if done.promote:
        typer.echo(
            "now put the value of counterflow_master_key_next into counterflow_master_key, remove the former, and "
            "destroy the old value and its versions in the backend: until then no night is loaded"
        )
    else:
        typer.echo(
            f"back up {settings.keys / keys.MASTER} now, and destroy the backups of the old one with the backups of the data "
            "that it opens. Its file was overwritten and removed; a snapshot, an SSD or a file system that copies on write may keep it"
        )
    if done.analysts_key is not None:
        typer.echo(f"analysts need the new key of the warehouse: {done.analysts_key}")
