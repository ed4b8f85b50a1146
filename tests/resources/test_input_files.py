"""Input files on disk: what patterns name, what cannot be looked into, and names that others have made."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from muse_domain.failures import TransientFailure
from muse_domain.ports import StoredObject
from muse_domain.settings import ReportSource
from muse_resources.input_files import Listing, find_files, list_inputs, path_within, shown_path
from tests.resources.event_folder import as_nobody


def no_objects(pattern: str) -> list[StoredObject]:
    raise AssertionError(f"{pattern} is no object of a store")


def listed(folder: Path, *patterns: str) -> Listing[ReportSource]:
    return list_inputs(folder, [ReportSource(files=pattern) for pattern in patterns], no_objects)


@pytest.mark.parametrize(
    ("folder", "path", "within"),
    [
        ("/w", "/w/a.json", "a.json"),
        ("/w", "/w/a/b c.json", "a/b c.json"),
        ("/w", "/w", "."),
        ("/w", "/was/a.json", None),
        ("/w/a", "/w", None),
        ("/", "/w/a.json", "w/a.json"),
    ],
)
def test_a_path_lies_within_its_own_folder_only(folder: str, path: str, within: str | None) -> None:
    """As relative_to says: a folder whose name only begins alike is another."""
    assert path_within(Path(folder), Path(path)) == within


def found(folder: Path, *patterns: str) -> list[str]:
    return list(listed(folder, *patterns).files)


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with files on three levels."""
    folder = tmp_path / "workspace"
    write(folder, "a.json", "b.csv", "reports/a.json", "reports/2026/a.json", "reports/2026/09/b.json", "other/a.json")
    return folder


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.json", ["a.json"]),
        ("*.json", ["a.json"]),
        ("*", ["a.json", "b.csv"]),
        ("?.[jc]s*", ["a.json", "b.csv"]),
        ("[!b].*", ["a.json"]),
        ("reports/*.json", ["reports/a.json"]),
        ("*/a.json", ["other/a.json", "reports/a.json"]),
        ("reports/**/*.json", ["reports/a.json", "reports/2026/a.json", "reports/2026/09/b.json"]),
        ("reports/**/a.json", ["reports/a.json", "reports/2026/a.json"]),
        ("reports/**/09/*", ["reports/2026/09/b.json"]),
        ("**/2026/**/*.json", ["reports/2026/a.json", "reports/2026/09/b.json"]),
        ("reports/**", ["reports/a.json", "reports/2026/a.json", "reports/2026/09/b.json"]),
        ("./reports/../a.json", ["reports/../a.json"]),
        ("nowhere/*.json", []),
        ("a.json/*", []),
        ("reports", []),
        ("A.JSON", []),
        ("", []),
    ],
)
def test_a_pattern_names_files(folder: Path, pattern: str, expected: list[str]) -> None:
    """`**` is any number of folders, none as well; a folder is no file; what is not there is not there."""
    assert found(folder, pattern) == expected
    assert [shown_path(folder, path) for path in find_files(folder, pattern)] == expected


def test_everything_below_is_everything(folder: Path) -> None:
    """In a stable order: files of a folder before those of the folders in it."""
    assert found(folder, "**/*") == [
        "a.json", "b.csv", "other/a.json", "reports/a.json", "reports/2026/a.json", "reports/2026/09/b.json",
    ]  # fmt: skip


def test_a_listing_has_sizes_and_times(folder: Path) -> None:
    """As they were when the file was found."""
    os.utime(folder / "a.json", ns=(5, 1_788_256_800_123_456_789))
    [file] = listed(folder, "a.json").files.values()
    assert (file.size_bytes, file.modified_ns) == (1, 1_788_256_800_123_456_789)
    assert (file.path, file.source.files) == (folder / "a.json", "a.json")


def test_an_absolute_pattern_names_files_elsewhere(folder: Path, tmp_path: Path) -> None:
    """Of these, nothing but the last folder's name is shown: what is above it may be personal."""
    write(tmp_path, "ada/exports/x.json", "ada/exports/deep/y.json")
    assert found(folder, f"{tmp_path}/ada/**/*.json") == ["exports/x.json", "deep/y.json"]
    assert found(folder, f"{folder}/*.json") == ["a.json"]


def test_a_tilde_is_the_home_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell, and as there only at the beginning."""
    write(tmp_path, "home/exports/x.json")
    write(folder, "a~/b.json", "~x.json")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert found(folder, "~/exports/*.json") == ["exports/x.json"]
    assert found(folder, "~/*.json") == []
    assert found(folder, "a~/*") == ["a~/b.json"]


def test_a_tilde_that_names_nobody_is_a_sign(folder: Path) -> None:
    """A file may be called so."""
    write(folder, "~nobody-of-that-name.json", "~nobody-of-that-name/b.json")
    assert found(folder, "~nobody-of-that-name.json", "~nobody-of-that-name/*") == [
        "~nobody-of-that-name.json", "~nobody-of-that-name/b.json",
    ]  # fmt: skip


def test_files_elsewhere_that_are_shown_alike_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """By numbers: two files are never one."""
    write(tmp_path, "one/logs/x.json", "two/logs/x.json", "three/logs/x.json")
    assert found(folder, f"{tmp_path}/*/logs/x.json") == ["logs/x.json", "logs/x.json (2)", "logs/x.json (3)"]


def test_a_file_that_two_sources_name_belongs_to_the_first(folder: Path) -> None:
    """However each names it."""
    (folder / "link.json").symlink_to("a.json")
    first = listed(folder, "a.*", "*.json", f"{folder}/a.json", "./a.json")
    assert [(file.shown, file.source.files) for file in first.files.values()] == [("a.json", "a.*")]


def test_a_loop_of_links_has_an_end(folder: Path) -> None:
    """Links to folders are not followed below `**`, and are where they are named."""
    (folder / "reports" / "again").symlink_to(folder / "reports")
    (folder / "self").symlink_to("self")
    (folder / "linked").symlink_to("reports/2026")
    assert found(folder, "reports/**/*.json") == ["reports/a.json", "reports/2026/a.json", "reports/2026/09/b.json"]
    assert found(folder, "linked/**/*.json") == ["linked/a.json", "linked/09/b.json"]
    assert found(folder, "reports/again/again/a.json") == ["reports/again/again/a.json"]
    assert listed(folder, "self", "self/*", "s*").files == {}


def test_what_is_no_regular_file_is_no_input(folder: Path) -> None:
    """A pipe would never end."""
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    (folder / "dangling.json").symlink_to("nowhere")
    assert (found(folder, "*.json"), listed(folder, "*.json").blocked) == (["a.json"], {})


NAMES = [
    "it's.json", 'a "b".json', "a\nb.json", "a\\b.json", "a*b.json", "a?b.json", "{a,b}.json", "{1..3}.json",
    "[a].json", " a.json ", "-a.json", "~a.json", "$HOME.json", "%41.json", "Grüße 日本.json", "a\tb\r.json",
    "s3:x.json",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    """Patterns find it, and one without signs finds nothing but the very file."""
    write(tmp_path, name, "ab.json", "a", "1.json")
    assert name in found(tmp_path, "**/*")
    assert found(tmp_path, f"*{name[-6:]}").count(name) == 1
    if not set(name) & set("*?["):
        assert found(tmp_path, name) == [name]


def test_a_name_that_is_no_text_can_be_stored(tmp_path: Path) -> None:
    """Two of them are two files."""
    for name in (b"\xe9.json", b"\xe8.json"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    names = found(tmp_path, "*.json")
    assert len(names) == 2
    assert all(name.encode() for name in names)


@pytest.fixture
def opened() -> Iterator[Path]:
    """A folder that every user may look into, with files in folders."""
    with TemporaryDirectory(prefix="muse-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder, "a.json", "closed/a.json", "closed/deep/b.json", "open/c.json")
        yield folder
        (folder / "closed").chmod(0o755)


@pytest.mark.parametrize("pattern", ["**/*.json", "*/*.json", "closed/*.json", "closed/**/*.json"])
def test_a_folder_without_rights_is_told(opened: Path, pattern: str) -> None:
    """It is not an empty folder; what lies beside it is found."""
    (opened / "closed").chmod(0)
    with as_nobody():
        listing = listed(opened, pattern)
    assert listing.blocked == {"closed": "cannot be looked into: Permission denied."}
    assert ("open/c.json" in listing.files) == pattern.startswith("*")


@pytest.mark.parametrize("pattern", ["closed/a.json", "closed/deep/*.json"])
def test_a_name_in_a_folder_without_rights_is_told(opened: Path, pattern: str) -> None:
    """Whether it is there cannot be known."""
    (opened / "closed").chmod(0)
    with as_nobody():
        listing = listed(opened, pattern)
    assert (listing.files, len(listing.blocked)) == ({}, 1)
    assert all(reason.endswith("Permission denied.") for reason in listing.blocked.values())


def test_a_file_in_a_folder_that_may_only_be_listed_is_told(opened: Path) -> None:
    """Its name is known, and nothing else."""
    (opened / "closed").chmod(0o744)
    with as_nobody():
        listing = listed(opened, "closed/*.json")
    assert (listing.files, list(listing.blocked)) == ({}, ["closed/a.json"])


def test_a_file_without_rights_is_listed(opened: Path) -> None:
    """Whether it can be read turns out when it is."""
    (opened / "a.json").chmod(0)
    with as_nobody():
        listing = listed(opened, "*.json")
    assert (list(listing.files), listing.blocked) == (["a.json"], {})


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    """It ends no listing."""
    write(tmp_path, "a.json")
    listing = listed(tmp_path, "x" * 300 + ".json", "x" * 300 + "/*.json", "a.json")
    assert list(listing.files) == ["a.json"]


def test_objects_of_a_store_are_listed_by_the_store(tmp_path: Path) -> None:
    """One that two patterns name belongs to the first; a store that does not answer is not an empty one."""
    one = StoredObject(url="s3://bucket/a.json", size_bytes=3, modified_ns=4, etag="e")

    def objects(pattern: str) -> list[StoredObject]:
        if "broken" in pattern:
            raise TransientFailure("no answer")
        return [one]

    write(tmp_path, "a.json")
    patterns = ("s3://bucket/*.json", "s3://bucket/a*", "s3://broken/*", "a.json")
    listing = list_inputs(tmp_path, [ReportSource(files=pattern) for pattern in patterns], objects)
    assert [(file.shown, file.source.files, file.stored) for file in listing.files.values()] == [
        ("s3://bucket/a.json", "s3://bucket/*.json", one),
        ("a.json", "a.json", None),
    ]
    [(pattern, reason)] = listing.blocked.items()
    assert (pattern, reason.rstrip(".")) == ("s3://broken/*", "cannot be listed: no answer")
