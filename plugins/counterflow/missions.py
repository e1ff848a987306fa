"""One mission as the settings have it: its contract, its keys, and how its export is fetched.

In: settings and a mission's code, or its contract. Out: Contract, MissionKeys, Transport.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from counterflow import connections, contracts, keys
from counterflow.contracts import Contract
from counterflow.depersonalise import MissionKeys
from counterflow.dropping import DropTransport, waiting
from counterflow.keys import Keyring
from counterflow.settings import Settings
from counterflow.sources import FolderTransport, Transport


@lru_cache(maxsize=512)
def _loaded(path: Path, _stamp: contracts.Stamp) -> contracts.Loaded:
    return contracts.load(path)


def loaded_of(settings: Settings, mission: str) -> contracts.Loaded:
    """The contract of one mission, as it and all that it builds on stand now, with its places in files. Raises ContractError."""
    path = settings.missions / f"{mission}.yml"
    return _loaded(path, contracts.stamp(path))


def contract_of(settings: Settings, mission: str) -> Contract:
    """The same without its places. Raises ContractError."""
    return loaded_of(settings, mission).contract


def remember(settings: Settings) -> None:
    """Have every sound contract at hand, in this process and in those that are forked from it."""
    for path in contracts.contract_files(settings.missions):
        with suppress(contracts.ContractError, OSError):
            contract_of(settings, path.stem)


def mission_keys(settings: Settings, mission: str) -> MissionKeys:
    """The keys of a mission; a laptop that has no keys yet gets some."""
    return MissionKeys.of(keyring(settings), mission)


def keyring(settings: Settings) -> Keyring:
    """The agency's keys, made if there are none and nothing was landed yet."""
    made = any((settings.keys / name).exists() for name in (keys.MASTER, keys.LINKING))
    if not made and settings.store is None and not any(settings.landing.glob("*/exports/*")):
        keys.begin(settings)
    return keys.keyring(settings)


def transport(settings: Settings, contract: Contract) -> Transport:
    """How the mission's export is fetched: as its connection says; from the folder of exports if there is none; by hand.

    Raises LinkRefusedError for a connection that cannot be used, UnreachableError if Airflow does not tell it.
    """

    def own() -> Transport:
        connection = connections.find(settings, contract.source.connection)
        if connection is None:
            return FolderTransport(settings.exports)
        from counterflow.sources.links import linked

        return linked(settings, contract, connection, keyring(settings))

    return DropTransport(settings, contract, own) if waiting(settings, contract.mission) else own()
