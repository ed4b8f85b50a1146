"""The house rules that a reader cannot see at a glance: who imports whom, and what the domain may not touch."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("muse_domain", "muse_resources", "muse_assets", "muse_sensors", "muse_apps")
DOMAIN_LIBRARIES = {"numpy", "pydantic", "pydantic_core", "yaml"}  # pydantic_core: the errors of pydantic
VENDORS = {
    "clickhouse_connect", "chdb", "openai", "deepl", "github", "requests", "httpx", "boto3", "slack_sdk", "datadog",
    "great_expectations",
}  # fmt: skip
# A package may import itself and these.
ALLOWED = {
    "muse_domain": set[str](),
    "muse_resources": {"muse_domain"},
    "muse_sensors": {"muse_domain", "muse_resources"},
    "muse_assets": {"muse_domain", "muse_resources"},
    "muse_apps": {"muse_domain", "muse_resources", "muse_assets", "muse_sensors"},
}
# The one place that joins everything.
ASSEMBLY = "muse_assets/build.py"
# Modules of the standard library through which a pure function would reach the world.
WORLDLY = {
    "asyncio", "ftplib", "glob", "http", "logging", "multiprocessing", "os", "random", "secrets", "shutil",
    "signal",
    "smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "webbrowser",
}  # fmt: skip
WORLDLY_CALLS = {
    "open", "io.open", "print", "input", "exec", "eval", "__import__",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid1", "uuid.uuid4",
    "default_rng()", "np.random.seed", "np.random.rand", "np.random.randn", "np.random.randint", "np.random.shuffle",
    "np.random.choice", "np.random.permutation", "np.random.random", "np.random.normal",
}  # fmt: skip
WORLDLY_METHODS = {"read_text", "write_text", "read_bytes", "write_bytes", "iterdir", "glob", "rglob", "mkdir"}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "process", "handle", "handler", "misc", "common"}
LONGEST_INIT = 6


@cache
def modules(package: str) -> tuple[Path, ...]:
    return tuple(sorted(path for path in (ROOT / package).rglob("*.py")))


def every_module() -> list[Path]:
    return [path for package in PACKAGES for path in modules(package)]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Whole dotted names of all that a module imports, also inside of functions."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_look_at() -> None:
    """An empty search proves nothing."""
    assert all(len(modules(package)) >= 2 for package in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    """domain <- resources <- assets and sensors <- apps; only the assembly joins sensors to assets."""
    for path in modules(package):
        allowed = ALLOWED[package] | {package} | ({"muse_sensors"} if name_of(path) == ASSEMBLY else set())
        wrong = (roots(path) & set(PACKAGES)) - allowed
        assert not wrong, f"{name_of(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", modules("muse_domain"), ids=name_of)
def test_the_domain_imports_the_standard_library_and_three_others(path: Path) -> None:
    """No orchestrator, no vendor, no template engine."""
    wrong = roots(path) - sys.stdlib_module_names - DOMAIN_LIBRARIES - {"muse_domain"}
    assert not wrong, f"{name_of(path)} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", modules("muse_domain"), ids=name_of)
def test_the_domain_reaches_no_disk_clock_network_or_chance(path: Path) -> None:
    """A pure core: everything it needs is given to it, and the same input gives the same output."""
    assert not roots(path) & WORLDLY, f"{name_of(path)} imports {sorted(roots(path) & WORLDLY)}"
    found = sorted(set(_worldly_calls(tree_of(path))))
    assert not found, f"{name_of(path)} calls {found}"


def _worldly_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        unseeded = f"{name.rpartition('.')[2]}()" if not node.args and not node.keywords else ""
        shown = {name, unseeded, ".".join(name.split(".")[-2:])} & WORLDLY_CALLS
        yield from shown
        if isinstance(node.func, ast.Attribute) and node.func.attr in WORLDLY_METHODS:
            yield f".{node.func.attr}"


def test_the_search_for_impure_calls_finds_them() -> None:
    """The rule above is worth as much as its eyes."""
    text = "open(x); datetime.now(UTC); datetime.datetime.now(); default_rng(); np.random.default_rng(3); p.read_text()"
    expected = {"open", "datetime.now", "default_rng()", ".read_text"}
    assert set(_worldly_calls(ast.parse(text))) == expected


@pytest.mark.parametrize("package", ["muse_domain", "muse_assets", "muse_sensors"])
def test_assets_and_sensors_ask_for_ports_not_for_vendors(package: str) -> None:
    """Only adapters know a vendor's client."""
    for path in modules(package):
        assert not roots(path) & VENDORS, f"{name_of(path)} imports {sorted(roots(path) & VENDORS)}"


def test_only_the_apps_import_the_apps() -> None:
    """The graph runs without its command line."""
    for path in every_module():
        if not name_of(path).startswith("muse_apps/"):
            assert "muse_apps" not in roots(path), name_of(path)


def test_nothing_imports_its_tests() -> None:
    """What is shipped stands without what proves it."""
    assert not [name_of(path) for path in every_module() if roots(path) & {"tests", "pytest", "hypothesis"}]


def test_modules_are_named_after_what_they_hold() -> None:
    """A module called utils is a module without a subject."""
    names = {name_of(path): set(path.stem.split("_")) | set(path.parent.name.split("_")) for path in every_module()}
    assert not [name for name, words in names.items() if words & BANNED_NAMES]


def test_packages_say_what_they_are_and_no_more() -> None:
    """No work at import, no second address for a name: `__init__.py` holds a docstring at most."""
    for path in every_module():
        if path.name != "__init__.py":
            continue
        code = [node for node in tree_of(path).body if not isinstance(node, ast.Expr)]
        assert not code, f"{name_of(path)} holds code"
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_INIT, name_of(path)


def test_dagster_modules_keep_their_annotations() -> None:
    """Postponed annotations break Dagster's config classes."""
    for package in ("muse_assets", "muse_sensors", "muse_resources"):
        assert not [name_of(path) for path in modules(package) if "__future__.annotations" in set(imports(path))]


def test_nothing_reads_the_environment_at_import() -> None:
    """A wrong variable is answered when it is used, with its name; importing must not depend on it."""
    for path in every_module():
        at_import = [node for node in tree_of(path).body if not isinstance(node, ast.FunctionDef)]
        for node in (inner for outer in at_import for inner in _outside_functions(outer)):
            text = ast.unparse(node)
            reads = isinstance(node, ast.Call) and text.startswith(("os.getenv(", "os.environ.get("))
            looks_up = (
                isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and text.startswith("os.environ[")
            )
            assert not reads and not looks_up, f"{name_of(path)}: {text}"


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the node does: class bodies and defaults, but no function's body."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for default in (*child.args.defaults, *child.args.kw_defaults):
                if default is not None:
                    yield from _outside_functions(default)
        else:
            yield from _outside_functions(child)
