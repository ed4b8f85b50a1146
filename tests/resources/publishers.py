"""Episodes to publish, and publishing processes: ``python publishers.py ACTION FOLDER ...``."""

import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from muse_domain.episodes import EpisodeHeader, canonical_episode
from muse_domain.ports import PublishableEpisode
from muse_domain.rendering import RenderedEpisode
from muse_resources.git_publisher import LocalGitPublisher

FIRST_DAY = date(2026, 9, 1)
RUN_ID = "5d1f6a52-7a3e-5c0f-9a4b-0f6f1f2b7c11"


def publisher_of(folder: Path, posts_folder: str = "") -> LocalGitPublisher:
    return LocalGitPublisher(folder, "main", posts_folder, "Muse", "muse@localhost")


def episode(
    number_of_day: int = 0, series: str = "chimera", text: str = "It moved.", charts: Sequence[str] = ("f1.svg",)
) -> PublishableEpisode:
    """An approved episode; `text` and `charts` are its content."""
    day = FIRST_DAY + timedelta(days=number_of_day)
    header = EpisodeHeader(
        series=series, day=day, models=("gemma3",), run_id=RUN_ID, commit_sha="c" * 40, latency_ms_p95=812.5,
        tokens_in=0, tokens_out=0, cost_usd=0.0, data_quality={}, sample=False,
    )  # fmt: skip
    title = f"`parse` on day {number_of_day}"
    body = f"\n## What changed\n\n{text} 12.5 ms é.\n\n[Chart](ep-NNN/f1.svg) [Ledger](ep-NNN.claims.json) 7 runs\n"
    start = body.index("7 runs")
    claim = {"fact": "f1.runs", "where": "body", "text": "7 runs", "style": "plain", "start": start, "end": start + 6}
    return PublishableEpisode(
        day=day,
        series=series,
        canonical=canonical_episode(header, RenderedEpisode(title, body, (), ())),
        ledger={"schema": 1, "episode": {"series": series, "episode": None}, "facts": {}, "claims": [claim]},
        charts={name: f"<svg>{name} {text}</svg>\n" for name in charts},
        title=title.replace("`", ""),
        confidence=0.8123,
        correlation=None,
        cost_usd=0.010335,
        run_id=RUN_ID,
    )


class DyingPublisher(LocalGitPublisher):
    """Killed after the branch has moved, before the work tree follows."""

    def _restore(self, files: Sequence[str]) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False


def publish_days(folder: Path, first: str, count: str) -> None:
    """Publishes days of one series, one after the other, when told to."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(first), int(first) + int(count)):
        print(publisher_of(folder).publish(episode(number)).number, flush=True)


def die_after_the_ref(folder: Path, text: str) -> None:
    """Publishes day 0 and is killed between the ref and the work tree."""
    DyingPublisher(folder, "main", "", "Muse", "muse@localhost").publish(episode(0, text=text))


def die_while_publishing(folder: Path, kills: str) -> None:
    """Publishers that are killed at random moments, each going on with all days again."""
    moments = random.Random(20260901)
    for attempt in range(int(kills)):
        child = os.fork()  # safe: this process has no thread
        if child == 0:
            for number in range(100):
                publisher_of(folder).publish(episode(number % 4, text=f"Attempt {attempt}, round {number // 4}."))
            os._exit(0)
        time.sleep(moments.uniform(0.05, 0.6))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        time.sleep(0.1)  # a git that was under way ends by itself


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
