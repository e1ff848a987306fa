"""The command `counterflow`: every verb a thin shell around a function of the package.

In: arguments and COUNTERFLOW_* variables. Out: tables for people, `--json` for programs; exit 0
done, 1 refused or failed with one clear line, 2 wrong usage. One module a group of verbs; heavy
modules load in their verb.
"""

from __future__ import annotations

import gc
import sys

import typer

from counterflow.cli import (
    keeping,
    keys,
    loading,
    looking,
    mending,
    missions,
    pages,
    quarantine,
    releases,
    serving,
    showing,
)

app = typer.Typer(
    name="counterflow",
    help="From each mission's export to one harmonised, de-personalised DuckDB warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables could show personal data
    rich_markup_mode=None,
)
for verb in (
    loading.generate,
    loading.nightly,
    loading.drop,
    looking.status,
    loading.publish,
    looking.verify,
    looking.score,
    looking.sql,
    mending.doctor,
    showing.site,
    missions.init,
    missions.onboard,
    keeping.erase,
    keeping.backup,
    keeping.restore,
    keeping.migrate,
):
    app.command()(verb)
app.add_typer(missions.app, name="contracts")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(keys.app, name="keys")
app.add_typer(pages.app, name="pages")
app.add_typer(releases.app, name="release")
app.add_typer(serving.app, name="serve")


def main() -> None:
    """Entry point: known refusals become one line on standard error and exit code 1."""
    try:
        app()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
    except Exception as error:
        from counterflow import disk
        from counterflow.refusals import is_refusal

        if (said := disk.refused(error)) is not None:
            print(f"counterflow: {said}", file=sys.stderr)
        elif not is_refusal(error):
            print(
                f"counterflow: a fault of the program ({type(error).__name__}); "
                "run with COUNTERFLOW_DEBUG=1 on synthetic data to see where",
                file=sys.stderr,
            )
            import os

            if os.environ.get("COUNTERFLOW_DEBUG"):
                raise
        else:
            print(f"counterflow: {error}", file=sys.stderr)
        sys.exit(1)
    finally:
        gc.freeze()  # what is left ends with its process: looking through it took longer than most commands
