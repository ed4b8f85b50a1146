"""SQL statements by name: one query a file, under `muse_resources/sql/`."""

from functools import cache
from importlib.resources import files

FOLDERS = ("queries", "evidence", "loads", "unpack")


@cache
def statement(name: str) -> str:
    """Text of `<folder>/<name>.sql`, in one of FOLDERS. Raises LookupError."""
    for folder in FOLDERS:
        resource = files("muse_resources") / "sql" / folder / f"{name}.sql"
        if resource.is_file():
            return resource.read_text(encoding="utf-8").strip()
    raise LookupError(f"there is no statement {name!r} under muse_resources/sql")


def migrations() -> list[tuple[int, str, str]]:
    """Version, name and text of every migration, oldest first."""
    folder = files("muse_resources") / "sql" / "migrations"
    named = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_", 1)[0]), name, entry.read_text(encoding="utf-8")) for name, entry in named]


def split_statements(text: str) -> list[str]:
    """The statements of a migration: separated by a semicolon at a line's end, comments left out."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in kept.split(";\n") if part.strip().rstrip(";")]
