"""Banterhearts prompt suite: the requests of one model, prompt by prompt.

Shape from `outputs/reports/gemma3/*_baseline.json` of Sahil170595/Chimeraforge.
"""

from collections.abc import Mapping

from muse_domain.formats.banterhearts import not_an_object, stated_environment
from muse_domain.formats.decoded import Decoded
from muse_domain.formats.llm_requests import DOCUMENTED, llm_request, with_requests
from muse_domain.formats.ollama import stated_quant
from muse_domain.formats.values import is_object, label, listed, stated_failure, stated_time
from muse_domain.measurements import Measurement, ReportReading
from muse_domain.quality import flag, quarantine


class PromptSuiteReport:
    """One run of all prompts on one model."""

    name = "banterhearts-prompt-suite"
    title = "Banterhearts prompt suite (JSON)"
    documentation = f"""\
One run, named `prompts/MODEL`, from all requests under `results`. The report states neither time nor commit.

{DOCUMENTED}"""

    def recognises(self, path: str, content: Decoded) -> bool:
        """A `model` beside `results` of which one at least has a `ttft_s`."""
        results = listed(content.top, "results")
        return "model" in content.top and any(is_object(item) and "ttft_s" in item for item in results)

    def read(self, path: str, content: Decoded) -> ReportReading:
        """The one run of the file; a result that is no object is refused by its number."""
        report = content.top
        results = list(enumerate(listed(report, "results"), start=1))
        requests = [llm_request(index, item) for index, item in results if is_object(item)]
        refusals = tuple(not_an_object(f"result {index}") for index, item in results if not is_object(item))
        run = with_requests(_described(report), requests)
        run = flag(run, *([f"{len(refusals)} of {len(results)} results cannot be read"] if refusals else []))
        failure = stated_failure(report)
        return ReportReading(self.name, (quarantine(run, *([failure] if failure else [])),), refusals)


def _described(report: Mapping[str, object]) -> Measurement:
    model = label(report.get("model"))
    ts, no_time = stated_time(report.get("generated_at"))
    return Measurement(
        benchmark=f"prompts/{model or 'model'}",
        suite="prompts",
        ts=ts,
        model=model,
        quant=stated_quant(model),
        environment=stated_environment(report),
        null_reasons=no_time,
    )


FORMATS = (PromptSuiteReport(),)
