"""The one place that calls Great Expectations: a suite and a frame in, failing positions out.

One pass, in the form that holds no value of the data. The row id is the frame's own index (a row's
position); naming an id column instead (`unexpected_index_column_names`) gives the same ids more slowly,
because GX then walks them one by one. A summary first and ids of the failed rules second cost more: of 16 suites
half of the rules fail somewhere, and a frame is small (kinds.py; docs/benchmarks.md has the figures).
A result that carries an exception is an error of the rule, never of the data.

GX is imported here when first needed (5 s), and kept silent: its messages may quote values.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from counterflow import collector
from counterflow.validation.errors import gx_error
from counterflow.validation.rules import Expectation, RuleBookError, Suite

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.datasource.fluent.interfaces import Batch

ROW_IDS = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}
Positions = np.ndarray[tuple[int], np.dtype[np.int64]]
NONE: Positions = np.array((), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one expectation on one frame."""

    checked: int  # rows that it looked at
    failed: Positions
    error: str | None = None  # the name of an exception's class, nothing of its message


@dataclass(frozen=True, slots=True)
class _Result:
    """One result of GX, without anything that may quote the data."""

    checked: int
    failed: int
    ids: Positions
    error: str | None


def version() -> str:
    """The version of Great Expectations, for the record."""
    return metadata.version("great_expectations")


def load() -> None:
    """Import Great Expectations, before processes are forked that need it."""
    if "great_expectations" not in sys.modules:
        with collector.loading():
            import great_expectations  # noqa: F401


def run(suite: Suite, data: pd.DataFrame) -> list[Outcome]:
    """One outcome for each expectation of `suite`, in its order. `data` has a default index."""
    with _silence():
        found = _judge(_batch(data), suite, ROW_IDS)
    return [_outcome(found[place]) for place in range(len(suite.expectations))]


def _outcome(found: _Result) -> Outcome:
    error = found.error
    if not error and len(found.ids) != found.failed:
        error = "CountsDisagree"  # never quarantine on a number that cannot be reproduced
    return Outcome(0, NONE, error) if error else Outcome(found.checked, found.ids)


def check(suites: Iterable[Suite]) -> None:
    """RuleBookError if GX cannot build a rule: it would only log that, and judge without it."""
    from great_expectations import ExpectationSuite

    for suite in suites:
        for expectation in suite.expectations:
            with _silence():
                try:
                    built = ExpectationSuite(name=suite.name, expectations=[_form(expectation, 0)])
                except Exception as error:  # GX has no one class for this
                    raise _unbuildable(suite, expectation) from error
            if not built.expectations:
                raise _unbuildable(suite, expectation)


def _unbuildable(suite: Suite, expectation: Expectation) -> RuleBookError:
    return RuleBookError(
        f"{suite.name}.json: Great Expectations cannot build {expectation.rule_id}; "
        f"compare its type and kwargs with GX's gallery of expectations"
    )


def _form(expectation: Expectation, place: int) -> dict[str, Any]:
    """GX's own form of an expectation; `place` finds it again among results in any order."""
    return {
        "type": expectation.type,
        "kwargs": dict(expectation.kwargs),
        "meta": {"place": place},
        "severity": expectation.severity,
    }


def _batch(data: pd.DataFrame) -> Batch:
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # In memory, with no docs site, and anew for every frame: a data source keeps every frame
    # that it was ever given. The switches are stated although 1.24 has no telemetry left.
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("landing").add_dataframe_asset("table")
    whole = asset.add_batch_definition_whole_dataframe("whole")
    return whole.get_batch(batch_parameters={"dataframe": data})


def _judge(batch: Batch, suite: Suite, result_format: Mapping[str, Any]) -> dict[int, _Result]:
    """The results of the expectations by their places; GX returns them in an order of its own."""
    from great_expectations import ExpectationSuite

    asked = ExpectationSuite(
        name=suite.name,
        expectations=[_form(one, place) for place, one in enumerate(suite.expectations)],
    )
    found = {}
    for result in batch.validate(asked, result_format=dict(result_format)).results:
        config = result.expectation_config
        assert config is not None, "GX gives every result its configuration"
        found[int(config.meta["place"])] = _read(result.result, result.exception_info)
    return found


def _read(result: Mapping[str, Any], exception_info: Mapping[str, Any] | None) -> _Result:
    error = gx_error(exception_info)
    if error is None and "unexpected_count" not in result:
        error = "NoResult"
    if error:
        return _Result(0, 0, NONE, error)
    checked = result["element_count"] - result.get("missing_count", 0)
    ids = np.array(result.get("unexpected_index_list") or (), dtype=np.int64)
    return _Result(checked, result["unexpected_count"], ids, None)


@contextmanager
def _silence() -> Iterator[None]:
    """GX's and pandas' own messages off: a traceback or a warning may quote a value."""
    logger = logging.getLogger("great_expectations")
    handlers, propagates = logger.handlers, logger.propagate
    # Not by level: some of GX's loggers set their own. What they say ends here instead.
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.handlers, logger.propagate = handlers, propagates
