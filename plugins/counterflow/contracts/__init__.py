"""A mission's contract: one YAML file says all there is to know of its export."""

from counterflow.contracts.errors import ContractError
from counterflow.contracts.load import (
    Loaded,
    check_contracts,
    contract_files,
    load,
    load_contract,
    load_contracts,
)
from counterflow.contracts.model import Contract
from counterflow.contracts.read import Stamp, stamp

__all__ = [
    "Contract",
    "ContractError",
    "Loaded",
    "Stamp",
    "check_contracts",
    "contract_files",
    "load",
    "load_contract",
    "load_contracts",
    "stamp",
]
