"""The command `counterflow`: every verb a thin shell around a function of the package.

In: arguments and COUNTERFLOW_* variables. Out: tables for people, `--json` for programs; exit 0
done, 1 refused or failed with one clear line, 2 wrong usage. Heavy modules load in their verb.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterflow.settings import Settings

if TYPE_CHECKING:
    from counterflow.reporting import Report

app = typer.Typer(
    name="counterflow",
    help="From each mission's export to one harmonised, de-personalised DuckDB warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables could show personal data
    rich_markup_mode=None,
)
contracts_app = typer.Typer(help="The missions' contracts.", no_args_is_help=True)
keys_app = typer.Typer(
    help="The keys that case keys and encryption are made with.", no_args_is_help=True
)
release_app = typer.Typer(
    help="Numbered, frozen, disclosure-controlled releases for outside.", no_args_is_help=True
)
quarantine_app = typer.Typer(help="Rows that a rule set aside, and why.", no_args_is_help=True)
app.add_typer(contracts_app, name="contracts")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(keys_app, name="keys")
app.add_typer(release_app, name="release")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


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


def _night(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a night as 2010-11-25") from None


def _current() -> Settings:
    """The settings, and the home as the machines that share a store have left it by now."""
    from counterflow.locks import refresh

    settings = Settings.from_env()
    for lock in (
        settings.landing_lock,
        settings.build_lock,
        settings.release_lock,
        settings.nights_lock,
    ):
        refresh(lock)
    return settings


@app.command()
def generate(
    out: Annotated[Path | None, typer.Option(help="Where exports/ and truth/ go.")] = None,
    missions: Annotated[int, typer.Option(min=1, max=72)] = 72,
    cases: Annotated[int, typer.Option(min=1)] = 16_000,
    seed: int = 7,
    nights: Annotated[int, typer.Option(min=1)] = 1,
    first_night: Annotated[str, typer.Option(help="The date of the first night.")] = "2010-11-25",
    shuffle: Annotated[
        int | None, typer.Option(help="A seed: columns, rows, missions in another order.")
    ] = None,
) -> None:
    """Make synthetic missions' exports, and the truth about them in a separate folder.

    Example: counterflow generate --out var --missions 6 --cases 500 --nights 3
    """
    from counterflow.display import bar
    from counterflow.synthetic import generate as make

    target = out or Settings.from_env().home
    with bar("generate") as progress:

        def told(_mission: str, at: int, of: int) -> None:
            progress("generate", at, of)

        summary = make(target, missions, cases, seed, nights, _night(first_night), told, shuffle)
    typer.echo(
        f"{summary.cases:,} cases of {summary.missions} missions in {summary.seconds:.1f} s; nights "
        + ", ".join(map(str, summary.nights))
    )
    typer.echo(f"exports in {target / 'exports'}, truth in {target / 'truth'}")


@app.command()
def nightly(
    night: Annotated[
        str | None, typer.Option(help="The date to load; default today (UTC).")
    ] = None,
    mission: Annotated[
        list[str] | None, typer.Option(help="Only this mission; may be repeated.")
    ] = None,
    exports: Annotated[Path | None, typer.Option(help="The folder of the exports.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="Read even what has not changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load one night in this process: the functions of the DAG, one after the other.

    Example: counterflow nightly --night 2010-11-25 --exports var/exports
    """
    from counterflow.local import run_night

    settings = Settings.from_env(exports)
    if settings.log_json:
        from counterflow.observing import log_as_json

        log_as_json()
    report = run_night(settings, _night(night), mission or None, full_refresh, quiet=as_json)
    _show_report(report, as_json)
    if not report.is_published:
        raise typer.Exit(1)


@app.command()
def drop(
    file: Annotated[
        Path,
        typer.Argument(
            help="The export, as the mission handed it over.", exists=True, dir_okay=False
        ),
    ],
    mission: Annotated[str, typer.Option(help="Its ISO 3166 alpha-3 code.")],
    night: Annotated[
        str | None, typer.Option(help="The date that the file is of, if its name does not say it.")
    ] = None,
) -> None:
    """Take in an export by hand, while the mission's link is down: sealed, for the night of its date.

    Example: counterflow drop cases_20101125.zip --mission MDA
    """
    from counterflow import contracts, dropping
    from counterflow.missions import contract_of

    settings = Settings.from_env()
    if mission not in {path.stem for path in contracts.contract_files(settings.missions)}:
        raise ValueError(f"no contract for {mission} in {settings.missions}")
    contract = contract_of(settings, mission)
    told = dropping.drop(settings, contract, file, _night(night) if night else None)
    typer.echo(
        f"{mission}: {told.size:,} bytes sealed as its export of {told.night}"
        + (" (in place of one dropped before)" if told.replaced else "")
    )
    typer.echo(
        f"The night of {told.night}, or one after it, takes it unless the server holds a newer one, and removes it "
        f"when it is landed: counterflow nightly --night {told.night} --mission {mission}"
    )
    typer.echo("Your own copy of the file is still where it was: remove it.")


@app.command()
def status(
    night: Annotated[
        str | None,
        typer.Option(help="What that night did to each mission; default: how things stand."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="For monitoring: exit 1 if somebody must act now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Whether last night was good, and what to do if not.

    Example: counterflow status --check
    """
    settings = _current()
    if night is not None:
        from counterflow import nightly as steps

        _show_report(steps.report(settings, _night(night)), as_json)
        return
    from counterflow.standing import BAD, standing

    found = standing(settings)
    if found is None:
        _nothing_published()
        return
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1))
    else:
        from counterflow.display import standing_page

        standing_page(found)
    if found.report.published is None or (check and found.verdict == BAD):
        raise typer.Exit(1)


def _nothing_published() -> None:
    typer.echo("counterflow: nothing has been published yet: run `counterflow nightly`", err=True)
    raise typer.Exit(1)


def _show_report(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=1))
        return
    from counterflow.display import report_table

    report_table(report)


@app.command()
def publish(
    night: Annotated[str | None, typer.Option(help="Default: the night that was built.")] = None,
) -> None:
    """Run the gates on the build and publish it."""
    from counterflow import nightly as steps
    from counterflow.warehouse.manifest import built_night, published_night

    settings = _current()
    built = _night(night) if night else built_night(settings)
    if built is None:
        typer.echo("counterflow: there is no build to publish: run `counterflow nightly`", err=True)
        raise typer.Exit(1)
    if not (settings.build / "warehouse.duckdb").exists() and published_night(settings) == built:
        typer.echo(f"the night of {built} is published already")
        return
    steps.gates(settings, built)
    publication = steps.publish(settings, built)
    typer.echo(f"published {publication.path} ({built}); {len(publication.changed)} tables changed")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Check that the published warehouse is whole and passes the gates that need only itself."""
    from counterflow.display import checks_table
    from counterflow.warehouse.verification import verify as check

    results = check(_current())
    if as_json:
        typer.echo(json.dumps([r.to_dict() for r in results], indent=1))
    else:
        checks_table(results)
    if any(not result.passed for result in results):
        raise typer.Exit(1)


@app.command()
def score(
    truth: Annotated[Path, typer.Option(help="The folder `generate` wrote the truth to.")],
    as_json: AsJson = False,
) -> None:
    """Compare the warehouse with the truth of the synthetic missions, table by table.

    Example: counterflow score --truth var/truth
    """
    from counterflow.display import score_table
    from counterflow.score import score as compare

    found = compare(_current(), truth)
    if as_json:
        rows = [
            {"table": c.table, "field": c.field, "compared": c.compared, "equal": c.equal}
            for c in found
        ]
        typer.echo(json.dumps(rows, indent=1))
    else:
        score_table(found)
    if any(c.equal != c.compared for c in found):
        raise typer.Exit(1)


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One query; without it, a prompt.")] = None,
    as_json: AsJson = False,
) -> None:
    """Query the published warehouse, read-only.

    Example: counterflow sql "select count(*) from core.fct_case"
    """
    from counterflow.shell import run

    run(_current(), query, as_json)


@contracts_app.command("check")
def contracts_check() -> None:
    """Check every contract; errors name file, line, key and the nearest valid key.

    Of keys that contracts name for exports it says which are missing, unusable, or expire within 30 days.
    """
    from rich.console import Console

    from counterflow.contracts.check import check_folder, render

    settings = Settings.from_env()
    report = check_folder(settings.missions)
    Console().print(render(report))
    locked = [c for c in report.contracts.values() if c.source.encryption or c.source.signature]
    if locked:
        from counterflow.display import export_keys_table
        from counterflow.export_keys import needed

        today = _night(None)
        export_keys_table([one for c in locked for one in needed(settings, c, today)])
    if report.errors:
        raise typer.Exit(1)


@app.command()
def onboard(
    sample: Annotated[
        Path, typer.Argument(help="One export of the mission.", exists=True, dir_okay=False)
    ],
    mission: Annotated[str, typer.Option(help="Its ISO 3166 alpha-3 code.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the draft goes; default XXX.yml in this folder.")
    ] = None,
    night: Annotated[
        str | None, typer.Option(help="Default: the date in the file's name, else today (UTC).")
    ] = None,
    dialects: Annotated[bool, typer.Option(help="Look for a dialect that fits.")] = True,
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Profile a sample, draft its contract, list what a person must decide, and try the draft.

    Example: counterflow onboard cases_20101125.zip --mission LTU
    """
    from counterflow.onboarding import onboard as look

    target = out or Path(f"{mission}.yml")
    if target.exists() and not force:
        raise ValueError(f"{target} is there already: name another with --out, or use --force")
    told = _night(night) if night else None
    found = look(sample, mission, Settings.from_env(), _night(None), told, dialects)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(found.draft.text, "utf-8")
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
        return
    from counterflow.display import onboarding_page

    onboarding_page(found)
    typer.echo(
        f"draft in {target}: decide, then move it to {Settings.from_env().missions / mission}.yml "
        "and run `counterflow contracts check`"
    )


def _published_night(settings: Settings, night: str | None) -> date:
    from counterflow.warehouse.manifest import published_night

    found = _night(night) if night else published_night(settings)
    if found is None:
        _nothing_published()
        raise AssertionError
    return found


@quarantine_app.command("list")
def quarantine_list(
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """How many rows of each mission fail which rule."""
    from counterflow.display import rows_table
    from counterflow.quarantine import failing

    settings = _current()
    found = list(failing(settings, _published_night(settings, night)))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    rows_table(
        ("mission", "rule", "source", "rows"),
        [(one.mission, one.rule_id, one.source, one.rows) for one in found],
    )


@quarantine_app.command("show")
def quarantine_show(
    mission: Annotated[str, typer.Argument(help="Its alpha-3 code.")],
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """Where a mission's quarantined rows stand in its export, why, and what to do.

    Example: counterflow quarantine show MDA
    """
    from counterflow.display import quarantine_page
    from counterflow.quarantine import failing
    from counterflow.validation import rule_book

    settings = _current()
    found = list(failing(settings, _published_night(settings, night), mission))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    quarantine_page(mission, found, rule_book(settings.expectations))


@quarantine_app.command("replay")
def quarantine_replay(
    night: Annotated[str | None, typer.Option(help="Default: the published night.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge again what is landed, under today's contracts and rules, and publish; nothing is pulled."""
    from counterflow.local import replay_night

    settings = _current()
    report = replay_night(settings, _published_night(settings, night), quiet=as_json)
    _show_report(report, as_json)
    if not report.is_published:
        raise typer.Exit(1)


@release_app.command("build")
def release_build(
    approve: Annotated[
        str | None, typer.Option(help="Your name: release it if every gate passes, without asking.")
    ] = None,
    number: Annotated[
        str | None, typer.Option(help="Default: the next; a number is never used twice.")
    ] = None,
    k: Annotated[
        int | None, typer.Option(help="More than the policy's k; never less than 11.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Another policy file.", exists=True, dir_okay=False)
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Take the place of a candidate that waits.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the next release of the published warehouse, run its gates, and ask whether to release it.

    Without --approve and without a yes typed at a terminal, nothing is released.

    Example: counterflow release build --approve "data protection desk"
    """
    from counterflow.display import steps
    from counterflow.release import building, deciding
    from counterflow.release.policy import FILE, load

    settings = _current()
    chosen = load(policy or FILE)
    with steps(quiet=as_json) as told:
        built = building.build(settings, chosen.with_k(k) if k else chosen, number, replace, told)
    if not as_json:
        from counterflow.display import release_page

        release_page(built)
    by = approve or ("" if as_json or not sys.stdin.isatty() else _asked(built.number))
    if not by.strip():
        deciding.reject(settings, built.number, "nobody approved it")
        if as_json:
            typer.echo(json.dumps(built.to_dict() | {"decision": "rejected"}, indent=1))
        typer.echo(f"release {built.number} was not approved, and is not released", err=True)
        raise typer.Exit(1)
    deciding.approve(settings, built.number, built.digest, by)
    if as_json:
        typer.echo(json.dumps(built.to_dict() | {"decision": "released", "approver": by}, indent=1))
    else:
        typer.echo(
            f"release {built.number} is in {settings.releases / built.number}; approved by {by}"
        )


def _asked(number: str) -> str:
    """The name of whoever says yes; empty for anything else."""
    if not typer.confirm(f"Release {number} to outside?", default=False):
        return ""
    return str(typer.prompt("Your name, for the ledger", default="", show_default=False))


@release_app.command("list")
def release_list(as_json: AsJson = False) -> None:
    """Every candidate and release, what became of it, and its revisions."""
    from counterflow.display import rows_table
    from counterflow.release.verification import listed

    found = listed(_current())
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    names = ("number", "night", "event", "k", "rows", "approver", "revision", "detail")
    rows_table(names, [tuple(one[name] for name in names) for one in found])


@release_app.command("verify")
def release_verify(
    number: Annotated[str | None, typer.Argument(help="Default: every release.")] = None,
    path: Annotated[
        Path | None, typer.Option(help="A copy of a release, anywhere; no warehouse is needed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check releases again from their files alone: hashes, formats, k, l, smallest cell, leaks, the ledger.

    Example: counterflow release verify --path /tmp/001
    """
    from counterflow.display import checks_table
    from counterflow.release import verification

    settings = _current()
    if path is not None:
        found = {path.name: verification.verify_folder(path)}
    else:
        numbers = [number] if number else verification.numbers(settings)
        found = {name: verification.verify(settings, name) for name in numbers}
        if not found:
            typer.echo(
                "counterflow: nothing has been released: see `counterflow release build`", err=True
            )
            raise typer.Exit(1)
    if as_json:
        told = {name: [r.to_dict() for r in results] for name, results in found.items()}
        typer.echo(json.dumps(told, indent=1))
    else:
        for name, results in found.items():
            typer.echo(f"release {name}")
            checks_table(results)
    if any(not result.passed for results in found.values() for result in results):
        raise typer.Exit(1)


@app.command()
def erase(
    mission: Annotated[str | None, typer.Option(help="Its alpha-3 code.")] = None,
    case_number: Annotated[
        list[str] | None,
        typer.Option(
            help="The case number; `-` asks for it or reads it from standard input, so that it stands in no "
            "list of processes and in no history of a shell. Once for each part of a number of several."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Erase nothing: look at every byte for the case.")
    ] = False,
    verify: Annotated[
        str | None, typer.Option(help="Erase nothing: confirm the receipt of this id.")
    ] = None,
    only_if_found: Annotated[
        bool, typer.Option("--only-if-found", help="Refuse a number that is not here.")
    ] = False,
    night: Annotated[str | None, typer.Option(help="Of the receipt; default today (UTC).")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a person's case out of every file at once, keep it out from now on, and write a receipt.

    Example: counterflow erase --mission MDA --case-number -
    """
    from counterflow import erasure
    from counterflow.display import erasure_page, search_page, verified_page

    settings = _current()
    if verify is not None:
        confirmed = erasure.verify(settings, verify)
        verified_page(confirmed, as_json)
        raise typer.Exit(0 if confirmed.holds else 1)
    if mission is None or not case_number:
        raise typer.BadParameter("name --mission and --case-number, or --verify a receipt")
    number = _number(case_number)
    if check:
        found = erasure.check(settings, mission, number)
        search_page(found, as_json)
        raise typer.Exit(1 if found.found else 0)
    receipt = erasure.erase(settings, mission, number, _night(night), only_if_found)
    erasure_page(receipt, settings.erasures / f"{receipt.receipt}.json", as_json)


def _number(given: list[str]) -> list[str]:
    """A case number from the command line, a prompt that does not show it, or standard input. Never echoed."""
    if given != ["-"]:
        typer.echo(
            "counterflow: this number stands in the list of processes and in the shell's history; "
            "`--case-number -` asks for it instead",
            err=True,
        )
        return given
    if sys.stdin.isatty():
        return [typer.prompt("case number", hide_input=True, err=True)]
    return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="On another disk, never inside the home.")],
    keep_days: Annotated[int, typer.Option(min=1, help="Remove archives that are older.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Write all that must not be lost into one encrypted file. The keys are not in it: copy them apart.

    Example: counterflow backup /mnt/backup
    """
    from counterflow.backups import backup as make

    made = make(Settings.from_env(), folder, keep_days)
    if as_json:
        typer.echo(json.dumps(made.to_dict(), indent=1))
        return
    typer.echo(
        f"{made.path}: night {made.night}, {made.files} files, under the master key {made.key_id}, without which it opens "
        "for nobody; the keys are not in it"
    )


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that `backup` wrote to.", exists=True)],
    file: Annotated[str | None, typer.Option(help="Default: the newest archive.")] = None,
) -> None:
    """Bring a backup back into an empty home. Who was erased since then does not come back.

    Example: counterflow restore /mnt/backup
    """
    from counterflow.backups import restore as bring_back

    done = bring_back(Settings.from_env(), folder, file)
    typer.echo(
        f"restored the night of {done.backup.night} ({done.backup.files} files, written {done.backup.when}); {done.erased} "
        f"erased cases are kept out, {done.purged} files were changed for it"
    )
    typer.echo(
        "now run `counterflow verify`, then a night before analysts go on: consents that were withdrawn since then take effect with it"
    )


@app.command()
def migrate() -> None:
    """Bring the files of the release before to this one, once, after a backup. Killed half-way, run it again."""
    from counterflow.display import bar
    from counterflow.migrating import migrate as bring_over

    with bar("migrate") as progress:
        done = bring_over(Settings.from_env(), progress)
    if not done.exports:
        typer.echo("nothing to migrate: the home is of this program")
        return
    typer.echo(
        f"{done.exports} landed exports of {done.missions} missions are sealed under the master key {done.key_id}. Back up both keys "
        "now, destroy the backups of the old key with the data it opens, and run a night: it builds what analysts open anew"
    )


@keys_app.command("init")
def keys_init() -> None:
    """Make the two keys, if there are none: 32 random bytes each, in files that only you can read."""
    from counterflow import keys

    settings = Settings.from_env()
    folder = keys.begin(settings)
    ring = keys.keyring(settings)
    where = f"{folder / keys.MASTER} and {keys.LINKING}" if folder else "Airflow's secrets backends"
    typer.echo(
        f"keys {ring.key_id} and {ring.linking_id} in {where}: back them up, apart from the data; without "
        "them no case can be followed from night to night"
    )


@keys_app.command("export-key")
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


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Put everything under a new master key and remove the old one. Killed half-way, run it again.

    No mission is asked for anything. Case keys are other ones afterwards; analysts open the warehouse anew.
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


if __name__ == "__main__":
    main()
