"""The rows behind facts, asked for once: facts that share query and parameters share one query."""

from muse_domain.facts import EvidenceRow, FactSpec
from muse_domain.ports import Warehouse
from muse_resources.warehouse import json_text


class Evidence:
    """What the warehouse holds for facts, as long as this object lives."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._asked: dict[str, list[EvidenceRow]] = {}

    def of(self, spec: FactSpec) -> list[EvidenceRow]:
        """The rows of one fact."""
        question = json_text([spec.query, dict(spec.parameters)])
        if question not in self._asked:
            self._asked[question] = self._warehouse.evidence(spec)
        return self._asked[question]
