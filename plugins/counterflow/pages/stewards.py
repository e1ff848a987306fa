"""A page for the steward of each mission, that can be mailed: one HTML file, without a script or a link to anything.

In: the published warehouse, contracts, and, where this machine has the landing and its key, the places of rows that were held
back. Out: what we received, what we could not read, three things that would help most, in the mission's language if
there are words in it. It holds counts and places; what a row holds is nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

from counterflow.contracts import Contract, ContractError
from counterflow.keys import KeyRefusedError
from counterflow.missions import contract_of
from counterflow.pages import rendering
from counterflow.pages.advising import Advice, Place, Trouble, advice
from counterflow.pages.reading import Row, Warehouse, opened
from counterflow.pages.words import words
from counterflow.quarantine import failing
from counterflow.sealing import SealRefusedError
from counterflow.settings import Settings

MOST = 3  # things that would help
_LINES = 12  # places of rows that are named

Places = Mapping[str, Place]


class NoSuchMission(Exception):
    """A mission that the published warehouse does not know."""


def build(settings: Settings, folder: Path) -> None:
    """A page for every mission of the published night, and a list of them."""
    with opened(settings) as warehouse:
        found = list(_troubles(settings, warehouse, None))
    for mission, trouble in found:
        path = folder / f"{trouble.load['mission_code']}.html"
        path.write_text(_page(mission, trouble), "utf-8")
    listed = [(t.load["mission_code"], mission["mission_name"], t.load) for mission, t in found]
    (folder / "index.html").write_text(rendering.render("stewards.html", missions=listed), "utf-8")


def page(settings: Settings, mission: str) -> str:
    """The page of one mission. Raises NoSuchMission."""
    with opened(settings) as warehouse:
        for row, trouble in _troubles(settings, warehouse, mission):
            return _page(row, trouble)
    raise NoSuchMission(f"{mission} is no mission of the published warehouse")


def _troubles(
    settings: Settings, warehouse: Warehouse, only: str | None
) -> Iterator[tuple[Row, Trouble]]:
    """Each mission and its trouble, of the newest published night."""
    nights = warehouse.nights(1)
    if not nights:
        return
    night = nights[-1]
    rules = _by_mission(warehouse.failed_rules(night, only))
    issues = _by_mission(warehouse.issues(night, only))
    places = _places(settings, night, only)
    names = warehouse.missions()
    for load in warehouse.loads(night, night):
        code = load["mission_code"]
        if only is not None and code != only:
            continue
        yield (
            names.get(code, {"mission_name": code, "country_code2": None}),
            Trouble(
                load, rules.get(code, []), issues.get(code, []), warehouse.coverage(code),
                _contract(settings, code), None if places is None else places.get(code, {}),
            ),
        )  # fmt: skip


def _by_mission(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["mission_code"], []).append(row)
    return found


def _places(settings: Settings, night: date, only: str | None) -> dict[str, Places] | None:
    """Where the rows are that were held back; None where the landing or its key is not on this machine."""
    found: dict[str, dict[str, Place]] = {}
    if not settings.landing.is_dir():
        return None
    try:
        for one in failing(settings, night, only, _LINES):
            own = found.setdefault(one.mission, {})
            rows, lines = own.get(one.rule_id, Place(0, ()))
            own[one.rule_id] = Place(rows + one.rows, lines or one.places)
    except (KeyRefusedError, SealRefusedError, OSError):
        return None
    return dict(found)


def _contract(settings: Settings, mission: str) -> Contract | None:
    try:
        return contract_of(settings, mission)
    except (ContractError, OSError, ValueError):
        return None


def _page(mission: Row, trouble: Trouble) -> str:
    """The page of a mission in its own language, or in English."""
    said = words(trouble.contract.languages if trouble.contract is not None else ())
    found = advice(trouble)
    unread = [one for one in found if _is_unread(one)]
    columns = sum(1 for issue in trouble.issues if issue["kind"] == "unknown_column")
    return rendering.render(
        "steward.html",
        said=said,
        name=said.country(mission["country_code2"], mission["mission_name"]),
        load=trouble.load,
        taken=_taken(trouble.load),
        columns=columns,
        unread=[said.advice(one) for one in unread],
        help=[said.advice(one) for one in found[:MOST]],
    )


def _taken(load: Row) -> date | None:
    """The date of the last delivery that was taken."""
    days = load["days_since_success"]
    return None if days is None else load["night"] - timedelta(days=days)


def _is_unread(one: Advice) -> bool:
    """Whether it is about something that could not be read, and not about something that was not said."""
    return one.kind not in ("send", "refused", "consent_blank", "seldom_answered")
