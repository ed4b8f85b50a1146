"""The blog as a real git repository: numbers without gap, nobody's work overwritten, nothing half done."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from muse_domain.episodes import number_episode
from muse_domain.failures import PermanentFailure, TransientFailure
from muse_domain.ports import PublishableEpisode
from muse_resources import git_publisher
from muse_resources.git_publisher import LocalGitPublisher
from muse_resources.ledger_text import ledger_text
from tests.resources import publishers
from tests.resources.publishers import FIRST_DAY, RUN_ID, episode, publisher_of

FIRST = "posts/chimera/ep-001.md"


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    """The blog's folder; nothing is there yet."""
    return tmp_path / "blog"


def git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "someone@else" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    isolated = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **identity}
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, env=isolated, check=True)
    return done.stdout.rstrip("\n")


def repository(folder: Path, files: dict[str, bytes], *options: str) -> None:
    """A blog that somebody else has begun."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main", *options)
    commit(folder, files)


def commit(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "somebody else's")


def commits(folder: Path) -> int:
    return int(git(folder, "rev-list", "--count", "main"))


def files(folder: Path, commit: str = "main") -> list[str]:
    return git(folder, "ls-tree", "-r", "--name-only", commit).splitlines()


def is_clean(folder: Path) -> bool:
    return git(folder, "status", "--porcelain") == ""


def run_publisher(action: str, folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.resources.publishers", action, str(folder), *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


def test_the_first_publication_makes_the_repository_and_its_first_commit(blog: Path) -> None:
    """One commit holds the episode, its ledger and its charts, and the work tree shows them."""
    publication = publisher_of(blog).publish(episode())
    assert (publication.series, publication.number, publication.path, publication.changed) == (
        "chimera",
        1,
        FIRST,
        True,
    )
    assert publication.commit_sha == git(blog, "rev-parse", "main")
    assert commits(blog) == 1
    assert files(blog) == ["posts/chimera/ep-001.claims.json", FIRST, "posts/chimera/ep-001/f1.svg"]
    assert is_clean(blog)
    assert {path.name for path in blog.iterdir()} == {"posts", ".git"}


def test_what_is_published_is_the_canonical_text_with_its_number(blog: Path) -> None:
    """The verdict is bound to the canonical text: publishing adds the number and not a byte more."""
    made = episode()
    publisher_of(blog).publish(made)
    markdown, ledger = number_episode(made.canonical, made.ledger, 1)
    assert (blog / FIRST).read_bytes() == markdown.encode()
    assert (blog / "posts/chimera/ep-001.claims.json").read_bytes() == ledger_text(ledger).encode()
    assert (blog / "posts/chimera/ep-001/f1.svg").read_bytes() == made.charts["f1.svg"].encode()
    body = markdown.split("---\n", 2)[2]
    [claim] = ledger["claims"]
    assert body[claim["start"] : claim["end"]] == claim["text"]


def test_numbers_follow_one_another_in_the_order_of_publication(blog: Path) -> None:
    """S1-011: sequential within each series, whatever the day; two series do not share numbers (F-74)."""
    publisher = publisher_of(blog)
    days = [(3, "chimera"), (1, "chimera"), (2, "banterpacks"), (0, "chimera"), (5, "banterpacks")]
    assert [publisher.publish(episode(day, series)).number for day, series in days] == [1, 2, 1, 3, 2]
    assert publisher.published_days() == {
        FIRST_DAY + timedelta(days=day): (series, number)
        for (day, series), number in zip(days, [1, 2, 1, 3, 2], strict=True)
    }
    assert publisher.head_commit() == git(blog, "rev-parse", "main")


def test_publishing_the_same_again_commits_nothing(blog: Path) -> None:
    """A re-run is idempotent: the same number, the commit that already holds it, no new one."""
    publisher = publisher_of(blog)
    first = publisher.publish(episode(0))
    publisher.publish(episode(1))
    again = publisher.publish(episode(0))
    assert (again.commit_sha, again.number, again.changed) == (first.commit_sha, 1, False)
    assert commits(blog) == 2


def test_changed_content_keeps_its_number_in_a_new_commit(blog: Path) -> None:
    """A correction is visible as one: same file, new commit; a chart that is no longer there is removed."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0, charts=("f1.svg", "f2.svg")))
    publisher.publish(episode(1))
    changed = publisher.publish(episode(0, text="It moved more.", charts=("f2.svg", "f3.svg")))
    assert (changed.number, changed.changed, commits(blog)) == (1, True, 3)
    assert [name for name in files(blog) if "ep-001/" in name] == [
        "posts/chimera/ep-001/f2.svg",
        "posts/chimera/ep-001/f3.svg",
    ]
    assert sorted(path.name for path in (blog / "posts/chimera/ep-001").iterdir()) == ["f2.svg", "f3.svg"]
    assert is_clean(blog)
    none = publisher.publish(episode(0, text="It moved more.", charts=()))
    assert (none.number, is_clean(blog)) == (1, True)
    assert not (blog / "posts/chimera/ep-001").exists()


def test_a_change_of_a_chart_alone_is_reported_with_its_own_commit(blog: Path) -> None:
    """The publication names the commit that holds this content, not an older one of the same Markdown."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0, charts=("f1.svg",)))
    second = publisher.publish(episode(0, charts=("f1.svg", "f2.svg")))
    assert publisher.publish(episode(0, charts=("f1.svg", "f2.svg"))).commit_sha == second.commit_sha


def test_four_processes_share_out_the_numbers(blog: Path) -> None:
    """DESIGN 8.4: at once, on a folder that does not exist yet: no gap, no number twice, no file lost."""
    processes = [run_publisher("publish_days", blog, first, 4) for first in (0, 4, 8, 12)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * 4
    numbers = [int(line) for output in outputs for line in str(output).split()]
    assert sorted(numbers) == list(range(1, 17))
    assert (commits(blog), is_clean(blog)) == (16, True)
    assert sorted(number for _, number in publisher_of(blog).published_days().values()) == list(range(1, 17))
    assert sum(name.endswith(".md") for name in files(blog)) == 16


class Overtaken(LocalGitPublisher):
    """A publisher before whose first move of the branch somebody else pushes."""

    pushes_left = 1
    clone: Path

    def _commit(self, tree: str, parent: str | None, episode: PublishableEpisode, number: int) -> str:
        if self.pushes_left:
            self.pushes_left -= 1
            publisher_of(self.clone).publish(publishers.episode(90 + self.pushes_left, text="Theirs."))
            git(self.clone, "push", "-q", "origin", "main")
        return super()._commit(tree, parent, episode, number)


@pytest.fixture
def overtaken(blog: Path, tmp_path: Path) -> Overtaken:
    blog.mkdir()
    git(blog, "init", "-q", "--bare", "-b", "main")
    git(tmp_path, "clone", "-q", str(blog), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-B", "main")
    publisher = Overtaken(blog, "main", "", "Muse", "muse@localhost")
    publisher.clone = tmp_path / "clone"
    return publisher


def test_whoever_is_overtaken_takes_the_next_number(overtaken: Overtaken, blog: Path) -> None:
    """The compare-and-swap of the ref decides: a push in between keeps its number, and nothing is lost."""
    publication = overtaken.publish(episode(0))
    assert (publication.number, publication.changed) == (2, True)
    assert commits(blog) == 2
    assert "Theirs." in git(blog, "show", f"main:{FIRST}")
    assert "It moved." in git(blog, "show", "main:posts/chimera/ep-002.md")


def test_a_publisher_that_is_always_overtaken_gives_up_for_now(
    overtaken: Overtaken, blog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts are bounded, and the failure says that a later try may succeed."""
    monkeypatch.setattr(git_publisher, "_ATTEMPTS", 2)
    overtaken.pushes_left = 5
    with pytest.raises(TransientFailure, match="2 attempts"):
        overtaken.publish(episode(0))
    assert "It moved." not in git(blog, "log", "-p", "main")


@pytest.mark.parametrize("edited", [FIRST, "posts/chimera/ep-001.claims.json", "posts/chimera/ep-001/f1.svg"])
@pytest.mark.parametrize("staged", [False, True])
def test_somebodys_unsaved_edit_is_refused_and_never_overwritten(blog: Path, edited: str, staged: bool) -> None:
    """A person's words are worth more than a re-run: the publication stops and names the file."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0))
    (blog / edited).write_text("my own words")
    if staged:
        git(blog, "add", "-A")
    with pytest.raises(PermanentFailure, match=edited.rsplit("/", 1)[1]):
        publisher.publish(episode(0, text="It moved more."))
    assert (blog / edited).read_text() == "my own words"
    assert commits(blog) == 1
    assert publisher.publish(episode(0)).changed is False, "what is already there needs no work tree"
    assert publisher.publish(episode(1)).number == 2, "other episodes go out"
    assert (blog / edited).read_text() == "my own words"


def test_an_untracked_file_in_the_place_of_a_new_episode_is_refused(blog: Path) -> None:
    """A draft that somebody wrote by hand under the next number is not overwritten either, even where it is ignored."""
    repository(blog, {"README.md": b"ours\n", ".gitignore": b"posts/\n"})
    git(blog, "config", "status.showUntrackedFiles", "no")
    (blog / FIRST).parent.mkdir(parents=True)
    (blog / FIRST).write_text("a draft by hand")
    with pytest.raises(PermanentFailure, match=r"ep-001\.md"):
        publisher_of(blog).publish(episode(0))
    assert (blog / FIRST).read_text() == "a draft by hand"


def test_other_work_in_the_blog_stays_as_it_is(blog: Path) -> None:
    """Edits, staged files and new files of others survive a publication, and are not part of its commit."""
    repository(blog, {"README.md": b"ours\n", "posts/chimera/notes.txt": b"a\n", "gone.txt": b"x\n"})
    (blog / "README.md").write_text("edited\n")
    (blog / "staged.txt").write_text("staged\n")
    git(blog, "add", "staged.txt")
    git(blog, "rm", "-q", "gone.txt")
    (blog / "posts/chimera/notes.txt").write_text("edited\n")
    (blog / "posts/chimera/ep-001").mkdir()
    (blog / "posts/chimera/ep-001/mine.txt").write_text("untracked\n")
    before = git(blog, "status", "--porcelain", "--untracked-files=all")
    publication = publisher_of(blog).publish(episode(0))
    publisher_of(blog).publish(episode(0, text="It moved more.", charts=()))
    assert git(blog, "status", "--porcelain", "--untracked-files=all") == before
    changed = git(blog, "show", "--name-only", "--format=", publication.commit_sha).splitlines()
    assert changed == ["posts/chimera/ep-001.claims.json", FIRST, "posts/chimera/ep-001/f1.svg"]


def test_a_publisher_that_was_killed_after_the_ref_is_finished_by_the_next(blog: Path) -> None:
    """The branch has moved, the files have not: the next publication brings them along, whichever it is."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0))
    assert run_publisher("die_after_the_ref", blog, "It moved more.").wait() == -9
    assert commits(blog) == 2
    assert not is_clean(blog)
    assert publisher.publish(episode(1)).number == 2
    assert is_clean(blog)
    assert "It moved more." in (blog / FIRST).read_text()


def test_a_first_publication_that_was_killed_is_finished_by_the_next(blog: Path) -> None:
    """The same on a branch that had no commit: the episode is not published twice."""
    assert run_publisher("die_after_the_ref", blog, "It moved.").wait() == -9
    assert not (blog / FIRST).exists()
    assert publisher_of(blog).publish(episode(0)).changed is False
    assert (commits(blog), is_clean(blog)) == (1, True)


def test_an_edit_made_after_a_kill_is_not_taken_for_a_leftover(blog: Path) -> None:
    """Whoever opens the stale file and writes into it keeps the words; the other files are brought along."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0))
    run_publisher("die_after_the_ref", blog, "It moved more.").wait()
    (blog / FIRST).write_text("my own words")
    publisher.publish(episode(1))
    assert (blog / FIRST).read_text() == "my own words"
    assert "It moved more." in (blog / "posts/chimera/ep-001/f1.svg").read_text()
    with pytest.raises(PermanentFailure, match=r"ep-001\.md"):
        publisher.publish(episode(0, text="It moved most."))


def test_publishers_that_are_killed_at_any_moment_leave_a_sound_blog(blog: Path) -> None:
    """kill -9 is no excuse: afterwards the numbers are whole, the repository is sound, the work tree follows."""
    publisher = publisher_of(blog)
    for day in range(4):
        publisher.publish(episode(day))
    assert run_publisher("die_while_publishing", blog, 8).wait(timeout=60) == 0
    assert [publisher.publish(episode(day, text="At last.")).number for day in range(4)] == [1, 2, 3, 4]
    assert is_clean(blog)
    assert commits(blog) > 8
    git(blog, "fsck", "--strict", "--no-dangling")


def test_a_lock_that_was_left_behind_does_not_stop_the_work_tree(blog: Path) -> None:
    """A git that died long ago left its index lock: it is cleared away."""
    publisher = publisher_of(blog)
    publisher.publish(episode(0))
    lock = blog / ".git" / "index.lock"
    lock.touch()
    an_hour_ago = time.time() - 3600
    os.utime(lock, (an_hour_ago, an_hour_ago))
    publisher.publish(episode(1))
    assert (lock.exists(), is_clean(blog)) == (False, True)


def test_a_lock_that_somebody_holds_is_respected_and_the_episode_still_goes_out(
    blog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person is writing a commit message: the branch moves on, the work tree follows when the lock is gone."""
    monkeypatch.setattr(git_publisher, "_INDEX_LOCK_WAIT_S", 0.1)
    publisher = publisher_of(blog)
    publisher.publish(episode(0))
    lock = blog / ".git" / "index.lock"
    lock.touch()
    assert publisher.publish(episode(1)).number == 2
    assert publisher.publish(episode(0, text="It moved more.")).changed is True
    assert publisher.publish(episode(0, text="It moved most.")).changed is True
    assert lock.exists()
    lock.unlink()
    assert publisher.publish(episode(1)).changed is False
    assert is_clean(blog)
    assert "It moved most." in (blog / FIRST).read_text()


def test_a_bare_repository_takes_episodes_too(blog: Path) -> None:
    """A server's repository has no work tree: everything goes through its objects."""
    blog.mkdir()
    git(blog, "init", "-q", "--bare", "-b", "main")
    publisher = publisher_of(blog)
    assert [publisher.publish(episode(day, charts=("f1.svg", "f2.svg"))).number for day in (0, 1)] == [1, 2]
    assert publisher.publish(episode(0, charts=("f2.svg",))).number == 1
    assert [name for name in files(blog) if "ep-001" in name] == [
        "posts/chimera/ep-001.claims.json", FIRST, "posts/chimera/ep-001/f2.svg",
    ]  # fmt: skip


@pytest.mark.parametrize("checkout", [["checkout", "-q", "-b", "topic"], ["checkout", "-q", "--detach"]])
def test_a_work_tree_on_something_else_is_left_alone(blog: Path, checkout: list[str]) -> None:
    """Somebody works on another branch: the published branch moves, their files do not."""
    repository(blog, {"README.md": b"ours\n"})
    git(blog, *checkout)
    publisher = publisher_of(blog)
    publisher.publish(episode(0, charts=("f1.svg", "f2.svg")))
    assert publisher.publish(episode(0, charts=("f1.svg",))).number == 1
    assert (commits(blog), is_clean(blog), (blog / "posts").exists()) == (3, True, False)


def test_posts_lie_below_the_configured_folder(blog: Path) -> None:
    """S1-010: `banterblogs-nextjs/posts/...`; posts of another folder take no number there."""
    repository(
        blog, {"posts/chimera/ep-008.md": b"another site's\n", "x/banterblogs-nextjs/posts/chimera/ep-009.md": b"no\n"}
    )
    publisher = publisher_of(blog, "/banterblogs-nextjs/")
    publication = publisher.publish(episode(0))
    assert publication.path == "banterblogs-nextjs/posts/chimera/ep-001.md"
    assert (blog / publication.path).is_file()
    assert publisher.published_days() == {episode(0).day: ("chimera", 1)}


def test_a_folder_with_spaces_and_signs_is_a_folder(blog: Path) -> None:
    """Paths are bytes to git, not patterns."""
    publisher = publisher_of(blog, "our [new] site é")
    publisher.publish(episode(0))
    assert publisher.publish(episode(0, text="It moved more.", charts=())).number == 1
    assert is_clean(blog)


def test_posts_of_others_keep_their_numbers_and_their_bytes(blog: Path) -> None:
    """X-24: 267 of 268 real posts have no front matter; they are neither ours nor free to be overwritten."""
    day = FIRST_DAY.isoformat()
    theirs = {
        FIRST: b"# No front matter at all\n",
        "posts/chimera/ep-002.md": f"---\nslug: x\ndate: {day}\n---\nof the same day\n".encode(),
        "posts/chimera/ep-004.md": "---\ntitle: caf\xe9\n---\n".encode("latin-1"),
        "posts/chimera/chimera-episode-074.md": b"another name\n",
        "posts/banterpacks/ep-001.md": b"---\n: not: yaml: [\n---\n",
    }
    repository(blog, theirs)
    (blog / os.fsdecode(b"latin-\xe9.txt")).write_bytes(b"a name that is not UTF-8\n")
    git(blog, "add", "-A")
    git(blog, "commit", "-q", "-m", "odd name")
    publisher = publisher_of(blog)
    assert publisher.published_days() == {}
    assert publisher.publish(episode(0)).number == 5
    assert publisher.publish(episode(0, "banterpacks")).number == 2
    assert publisher.publish(episode(0, text="It moved more.")).number == 5
    assert {name: (blog / name).read_bytes() for name in theirs} == theirs


def test_the_commit_says_what_was_published_and_by_whom(blog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1-021, S1-022, and the configured author, whatever the environment of the caller says."""
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
    monkeypatch.setenv("GIT_INDEX_FILE", str(blog / "elsewhere"))
    LocalGitPublisher(blog, "main", "", "Muse of the blog", "muse@example.org").publish(episode(0))
    shown = git(blog, "log", "-1", "--format=%an <%ae>%n%cn <%ce>%n%B")
    assert shown.splitlines() == [
        "Muse of the blog <muse@example.org>",
        "Muse of the blog <muse@example.org>",
        "feat(episode): Generate chimera episode 1",
        "",
        "Title: parse on day 0",
        "Confidence: 0.81",
        "Correlation: not measured",
        "Cost: $0.010335",
        f"Run ID: {RUN_ID}",
        "",
        "Generated by Muse Protocol Council Agent",
    ]
    assert git(blog, "log", "-1", "--format=%ad", "--date=format:%Y") != "2001"
