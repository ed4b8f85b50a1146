"""The claim ledger as the bytes of its file."""

import json
from collections.abc import Mapping
from typing import Any


def ledger_text(ledger: Mapping[str, Any]) -> str:
    """Indented JSON in the ledger's own order, ending with a newline: the same ledger is the same bytes."""
    return json.dumps(ledger, ensure_ascii=False, indent=1) + "\n"
