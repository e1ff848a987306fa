"""Which exceptions are refusals: their text was written by us, for the user, without a person in it."""

from __future__ import annotations


def is_refusal(error: BaseException) -> bool:
    """Whether the error's text may be shown."""
    from counterflow.contracts import ContractError
    from counterflow.keys import KeyRefusedError

    names = {
        "BackupRefusedError",
        "BuildFailed",
        "DisclosureRefused",
        "DropRefusedError",
        "ErasureRefusedError",
        "FormatRefusedError",
        "GateFailed",
        "GatesFailed",
        "LakeRefusedError",
        "LakeUnreachableError",
        "LockLostError",
        "LinkRefusedError",
        "MigrationRefusedError",
        "NoManifest",
        "NoSuchMission",
        "NothingToShow",
        "QueryRefusedError",
        "Refused",
        "ReleaseRefused",
        "RotationRefusedError",
        "ScoreRefusedError",
        "StoreRefusedError",
        "StoreUnreachableError",
        "SealRefusedError",
        "SiteRefusedError",
        "TokenRefusedError",
        "TooLateError",
        "UnreachableError",
        "ValidationStopped",
    }
    ours = type(error).__module__.startswith("counterflow")
    known = isinstance(error, ContractError | KeyRefusedError)
    return known or (ours and type(error).__name__ in names) or type(error) is ValueError
