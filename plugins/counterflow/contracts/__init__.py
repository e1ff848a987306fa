"""A mission's contract: one YAML file says all there is to know of its export."""

from counterflow.contracts.load import (
    ContractError,
    check_contracts,
    contract_files,
    load_contract,
    load_contracts,
)
from counterflow.contracts.model import Contract

__all__ = [
    "Contract",
    "ContractError",
    "check_contracts",
    "contract_files",
    "load_contract",
    "load_contracts",
]
