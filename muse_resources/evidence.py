"""The rows behind facts, asked for once: facts that share query and parameters share one statement."""

from collections import defaultdict
from collections.abc import Iterable

from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.ports import Warehouse
from muse_resources.warehouse import FIELD, json_text


class Evidence:
    """What the warehouse holds for facts, as long as this object lives."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._asked: dict[str, list[EvidenceRow]] = {}

    def of(self, spec: FactSpec) -> list[EvidenceRow]:
        """The rows of one fact."""
        question = _question(spec)
        if question not in self._asked:
            self._asked[question] = self._warehouse.evidence(spec)
        return self._asked[question]

    def ask_together(self, specs: Iterable[FactSpec]) -> None:
        """Fetch at once what differs in nothing but the field of a row: most facts of a finding do.

        Planning such a statement takes longer than running it. The rows are those that each fact's own statement gives.
        """
        alike: dict[str, dict[str, FactSpec]] = defaultdict(dict)
        for spec in specs:
            # A field comes back from tables and ledgers: what is no name is asked alone, and refused there.
            if str(spec.parameters.get(FIELD, "")).isidentifier():
                alike[_question(spec, without=FIELD)][_question(spec)] = spec
        for together in alike.values():
            if len(together) > 1:
                self._asked |= _answers(self._warehouse, together)


def _answers(warehouse: Warehouse, alike: dict[str, FactSpec]) -> dict[str, list[EvidenceRow]]:
    fields = {question: str(spec.parameters[FIELD]) for question, spec in alike.items()}
    found = warehouse.evidence_by_field(next(iter(alike.values())), list(fields.values()))
    return {question: found[field] for question, field in fields.items()}


def _question(spec: FactSpec, without: str = "") -> str:
    return json_text([spec.query, {name: value for name, value in spec.parameters.items() if name != without}])
