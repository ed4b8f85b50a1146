"""Example documents of every format, and real ones when the shared folder with them lies beside the repository."""

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent / "examples"
_REAL = Path(__file__).parents[3].parent / "shared" / "data" / "events"


def documents(path: Path) -> list[Any]:
    """The JSON documents of a file: one a line, or one in all."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]


@pytest.fixture
def examples() -> dict[str, list[Any]]:
    """The documents of each example, by the file's stem. A stem begins with its format's name."""
    return {path.stem: documents(path) for path in sorted(EXAMPLES.glob("*.json*"))}


@pytest.fixture
def example_events(examples: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The events of each example: unpacked where the format unpacks (`tests/resources/test_unpack_events.py`)."""
    return examples | {path.stem: documents(path) for path in sorted((EXAMPLES / "unpacked").glob("*.jsonl"))}


@pytest.fixture
def real_documents() -> dict[str, list[Any]]:
    """The documents of each real file; skips the test when the folder is absent."""
    if not _REAL.is_dir():
        pytest.skip("no real events beside the repository")
    return {path.stem: documents(path) for path in sorted(_REAL.glob("*.json*"))}
