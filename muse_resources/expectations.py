"""Great Expectations behind one function: a suite of expectations and rows in, typed results out.

Importing it costs about four seconds and 200 MB, so the first validation of a process does it, and nothing before.
Its context lives in memory for one validation: nothing is written, printed or sent, and nothing is left behind.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muse_domain.failures import PermanentFailure
from muse_domain.ports import Row

# A suite as Great Expectations serialises it. Of an expectation's `meta`, `name` is the truth that holds when it
# passes, `reads` the frame that it is about, and `is_private` keeps the values found out of the result.
Suite = Mapping[str, Any]

EXAMPLES_SHOWN = 3
_LONGEST_EXAMPLE = 160


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """What one expectation found: `observed` says how much of what was read breaks it, `examples` where."""

    name: str
    expectation: str
    description: str
    is_critical: bool
    passed: bool
    observed: str
    examples: tuple[str, ...] = ()


def frames_of(suite: Suite) -> list[str]:
    """Names of the frames that a suite reads."""
    return list(dict.fromkeys(one["meta"]["reads"] for one in suite["expectations"]))


def validate(suite: Suite, frames: Mapping[str, Sequence[Row]]) -> list[ExpectationResult]:
    """The result of every expectation of the suite, in its order.

    The first column of a frame identifies its rows. A column `examples` maps names of counting columns to something
    that was counted. Raises PermanentFailure for an expectation that cannot be evaluated: that is not a violation.
    """
    outcomes: dict[str, Any] = {}
    for frame in frames_of(suite):
        if frames[frame]:
            outcomes |= _outcomes(suite, frame, frames[frame])
    return [_result(one, outcomes.get(one["meta"]["name"]), frames) for one in suite["expectations"]]


def _outcomes(suite: Suite, frame: str, rows: Sequence[Row]) -> dict[str, Any]:
    """What Great Expectations says of the expectations that read this frame, by name."""
    import pandas as pd
    from great_expectations import ExpectationSuite  # noqa: TID251 the one place, imported when it is needed

    wanted = [copy.deepcopy(one) for one in suite["expectations"] if one["meta"]["reads"] == frame]
    expected = ExpectationSuite(name=suite["name"], expectations=wanted)
    if len(expected.expectations) != len(wanted):  # it only logs what it cannot make
        raise PermanentFailure(f"suite {suite['name']}: Great Expectations does not know all of its expectations")
    columns = [column for column in rows[0] if column != "examples"]
    shown = {
        "result_format": "SUMMARY",
        "unexpected_index_column_names": [columns[0]],
        "partial_unexpected_count": EXAMPLES_SHOWN,
    }
    batch = _batch(pd.DataFrame(rows, columns=columns))
    return {one.expectation_config.meta["name"]: one for one in batch.validate(expected, result_format=shown).results}


def _batch(frame: Any) -> Any:
    """The frame for Great Expectations, in a context of its own: a kept one would keep every frame it ever saw."""
    from great_expectations import get_context  # noqa: TID251 as above
    from great_expectations.data_context.types.base import (  # noqa: TID251 as above
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})


def _result(expected: Mapping[str, Any], outcome: Any | None, frames: Mapping[str, Sequence[Row]]) -> ExpectationResult:
    """`outcome` is None for a frame without rows: whatever is expected of them holds."""
    meta = expected["meta"]
    passed, observed, examples = True, "no rows", tuple[str, ...]()
    if outcome is not None:
        _refuse_errors(meta["name"], outcome.exception_info)
        passed, observed = bool(outcome.success), _observed(outcome.result, meta["reads"])
        examples = () if passed else _examples(expected, outcome.result, frames[meta["reads"]])
    is_critical = expected["severity"] == "critical"
    return ExpectationResult(
        meta["name"], expected["type"], expected["description"], is_critical, passed, observed, examples
    )


def _refuse_errors(name: str, info: Mapping[str, Any]) -> None:
    """Great Expectations counts an expectation that could not be evaluated as one that was not met."""
    errors = [info] if "raised_exception" in info else list(info.values())
    raised = [error["exception_message"] for error in errors if error["raised_exception"]]
    if raised:
        raise PermanentFailure(f"expectation {name} cannot be evaluated: {raised[0].strip()}")


def _observed(result: Mapping[str, Any], frame: str) -> str:
    judged = result["element_count"] - result["missing_count"]
    return f"{result['unexpected_count']} of {judged} ({frame})"


def _examples(expected: Mapping[str, Any], result: Mapping[str, Any], rows: Sequence[Row]) -> tuple[str, ...]:
    """Where it is broken: the row, what was found unless that is private, and one of what a row counts."""
    identity = next(iter(rows[0]))
    by_identity = {str(row[identity]): row for row in rows}
    found = []
    for broken in result["partial_unexpected_index_list"][:EXAMPLES_SHOWN]:
        row = str(broken[identity])
        values = [] if expected["meta"].get("is_private") else [v for c, v in broken.items() if c != identity]
        counted = by_identity[row].get("examples", {}).get(expected["kwargs"].get("column"))
        parts = [row, *(str(value) for value in values), *([f"first: {counted}"] if counted else [])]
        found.append(", ".join(parts)[:_LONGEST_EXAMPLE])
    return tuple(found)
