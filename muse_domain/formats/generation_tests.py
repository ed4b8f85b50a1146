"""Banterhearts test results: texts generated for test scenarios, one timed call each.

Shape from `data/csv/baseline_test_results_*.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import not_an_object
from muse_domain.formats.columns import stated_columns, with_columns
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.values import (
    excerpt,
    is_object,
    label,
    listed,
    metric,
    number,
    stated_failure,
    stated_time,
)
from muse_domain.measurements import METRIC_COLUMNS, Measurement, Metric, ReportReading
from muse_domain.quality import quarantine

_WORDS = "the report counts the words of the generated text, not tokens"
# The suite stores the failure of a generation as its text, beside `success: true`.
_ERROR_TEXT = "Error generating"


class GenerationTestsReport:
    """One run for each test; failed ones are kept and quarantined."""

    name = "banterhearts-test-results"
    title = "Banterhearts test results (JSON)"
    documentation = """\
One run for each entry of `results`, named `tests/TEST_NAME`.

| report | Muse |
|---|---|
| `generation_time_ms` | `latency_mean_ms`, of one call (`n_samples` 1, so the run is flagged) |
| `tokens` and `tokens_per_second`, if the text has as many words | metrics `words_generated` and \
`words_per_sec` |
| `tokens` and `tokens_per_second` otherwise | metric `tokens_generated`, `tokens_per_sec` |
| `test_timestamp` (seconds since 1970) | `ts` |

Null: percentiles and deviation (one call), cost, memory, commit. In the known reports `tokens` is the
number of
words of the text, which are not tokens. `summary` is not read: in a real report its average is the minimum.
A test with `success: false`, an error, or a text that begins with "Error generating" is quarantined.
Generated
texts are not stored.
"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A list of `results` beside `total_tests`."""
        return isinstance(content.top.get("results"), list) and "total_tests" in content.top

    def read(self, path: str, content: Decoded) -> ReportReading:
        """Each test on its own."""
        report = content.top
        tests = list(enumerate(listed(report, "results"), start=1))
        return ReportReading(
            self.name,
            tuple(_test(report, index, item) for index, item in tests if is_object(item)),
            tuple(not_an_object(f"result {index}") for index, item in tests if not is_object(item)),
        )


def _test(report: Mapping[str, object], index: int, item: Mapping[str, object]) -> Measurement:
    time = number(item.get("generation_time_ms"))
    words = _counts_words(item)
    ts, no_time = stated_time(report.get("test_timestamp"))
    measurement = Measurement(
        benchmark=f"tests/{label(item.get('test_name')) or f'test {index}'}",
        suite="tests",
        ts=ts,
        n_samples=None if time is None else 1,
        metrics=_word_metrics(item) if words else metric("tokens_generated", number(item.get("tokens")), "tokens"),
        null_reasons=no_time,
    )
    keys = {"latency_mean_ms": "generation_time_ms"} | ({} if words else {"tokens_per_sec": "tokens_per_second"})
    why = {"tokens_per_sec": _WORDS} if words else {}
    timed = with_columns(measurement, stated_columns(item, keys), why_null=_one_call() | why)
    return quarantine(timed, *_failures(item))


def _counts_words(item: Mapping[str, object]) -> bool:
    text, tokens = item.get("banter_text"), number(item.get("tokens"))
    return isinstance(text, str) and tokens is not None and tokens == len(text.split())


def _word_metrics(item: Mapping[str, object]) -> tuple[Metric, ...]:
    return (
        *metric("words_generated", number(item.get("tokens")), "words"),
        *metric("words_per_sec", number(item.get("tokens_per_second")), "words/s", "higher"),
    )


def _one_call() -> dict[str, str]:
    columns = [column for column in METRIC_COLUMNS if column.startswith("latency_")]
    return dict.fromkeys(columns, "the report states the time of one call")


def _failures(item: Mapping[str, object]) -> list[str]:
    failure = stated_failure(item)
    found = [failure] if failure else []
    text = item.get("banter_text")
    if isinstance(text, str) and text.startswith(_ERROR_TEXT):
        found.append(f"the generated text is an error: {excerpt(text)}")
    return found


FORMATS = (GenerationTestsReport(),)
