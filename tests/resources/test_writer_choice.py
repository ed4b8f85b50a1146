"""Which writer a workspace has: decided by muse.toml alone."""

from pathlib import Path

from muse_resources.adapters import Adapters, build_adapters
from muse_resources.openai_writer import OpenAIWriter
from muse_resources.template_writer import TemplateWriter
from muse_resources.workspace import load_workspace, read_secrets

HEAD = '[muse]\nstart_date = 2026-09-01\n[repositories.hearts]\npath = "."\n'
OPENAI = """[writer]
kind = "openai"
model = "writer-1"
base_url = "http://127.0.0.1:9/v1"
daily_budget_usd = 1
[[writer.prices]]
model = "writer-1"
from = 2026-01-01
input_per_1m = 0.15
output_per_1m = 0.6
"""


def adapters_of(folder: Path, text: str, **environment: str) -> Adapters:
    (folder / "muse.toml").write_text(HEAD + text)
    return build_adapters(load_workspace(folder, environment))


def test_templates_write_by_default(tmp_path: Path) -> None:
    """And there is nobody to fall back to but themselves, even when a key lies about."""
    adapters = adapters_of(tmp_path, "", OPENAI_API_KEY="sk-4711")
    assert isinstance(adapters.writer, TemplateWriter) and adapters.writer is adapters.template_writer


def test_a_model_writes_where_muse_toml_says_so(tmp_path: Path) -> None:
    """With the templates behind it; nothing is opened or asked for that."""
    adapters = adapters_of(tmp_path, OPENAI)
    assert isinstance(adapters.writer, OpenAIWriter) and isinstance(adapters.template_writer, TemplateWriter)


def test_the_key_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    """Blanks around it are a slip of the hand."""
    adapters = adapters_of(tmp_path, OPENAI, OPENAI_API_KEY=" sk-4711\n")
    assert adapters.workspace.secrets.openai_key == "sk-4711"
    assert read_secrets({"OPENAI_API_KEY": "  "}).openai_key is None
    assert "4711" not in f"{adapters!r} {adapters.workspace.secrets!s}"
