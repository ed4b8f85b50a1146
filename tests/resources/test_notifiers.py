"""Telling people, against a server that answers as Slack does: also when it is busy, broken, slow or gone."""

import logging

import pytest

from muse_domain.notices import Notice
from muse_resources.notifiers import LONGEST_S, LogNotifier, SlackNotifier
from tests.slack_server import slack_server

NOTICE = Notice("stale:hearts", "hearts is stale", "No rows for <abc> & co.", "error", "http://127.0.0.1:3000/runs/1")


def impatient(url: str) -> tuple[SlackNotifier, list[float]]:
    """A notifier that notes its waits and does not wait."""
    waits: list[float] = []
    return SlackNotifier(url, sleep=waits.append), waits


def test_a_notice_becomes_one_message_with_its_link() -> None:
    """Title, text and link; nothing in the text can name people or make links."""
    with slack_server() as slack:
        assert SlackNotifier(slack.url).tell(NOTICE) == ""
    [told] = slack.told
    assert told.startswith(":rotating_light: *hearts is stale*")
    assert "No rows for &lt;abc&gt; &amp; co." in told and "<http://127.0.0.1:3000/runs/1|" in told


def test_a_busy_slack_is_asked_again_after_the_time_that_it_names() -> None:
    """429 with Retry-After."""
    with slack_server([(429, {"Retry-After": "3"})]) as slack:
        notifier, waits = impatient(slack.url)
        assert notifier.tell(NOTICE) == ""
    assert (waits, slack.asked, len(slack.told)) == ([3.0], 2, 1)


def test_a_wait_longer_than_a_tick_is_left_to_the_next_one() -> None:
    """Nobody sleeps through a sensor's minute."""
    with slack_server([(429, {"Retry-After": str(int(LONGEST_S) + 1)})]) as slack:
        notifier, waits = impatient(slack.url)
        assert "429" in notifier.tell(NOTICE)
    assert (waits, slack.asked) == ([], 1)


def test_a_broken_slack_is_tried_three_times() -> None:
    """Errors of the server are worth another try, with growing waits."""
    with slack_server([(500, {}), (503, {}), (502, {})]) as slack:
        notifier, waits = impatient(slack.url)
        assert "502" in notifier.tell(NOTICE)
        assert (waits, slack.asked) == ([1.0, 2.0], 3)
        assert notifier.tell(NOTICE) == ""


def test_a_refusal_is_not_repeated() -> None:
    """A webhook that was removed stays removed."""
    with slack_server([(404, {})]) as slack:
        notifier, waits = impatient(slack.url)
        assert "404" in notifier.tell(NOTICE)
    assert (waits, slack.asked) == ([], 1)


def test_a_slack_that_does_not_answer_ends_in_time() -> None:
    """A hanging server costs a timeout, not the tick."""
    with slack_server(["hang"]) as slack:
        assert SlackNotifier(slack.url, sleep=lambda _: None).tell(NOTICE) == ""
    assert slack.asked == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/services/secret", "http://nowhere.invalid/secret", "http://"])
def test_an_address_where_nobody_is_does_not_raise_and_is_not_told(url: str) -> None:
    """The problem is said without the address: it is a secret."""
    notifier, _ = impatient(url)
    problem = notifier.tell(NOTICE)
    assert problem and "secret" not in problem


@pytest.mark.parametrize(("severity", "level"), [("info", "INFO"), ("warning", "WARNING"), ("error", "ERROR")])
def test_without_slack_notices_are_logged(caplog: pytest.LogCaptureFixture, severity: str, level: str) -> None:
    """At the level of their severity."""
    with caplog.at_level(logging.INFO, logger="muse.notices"):
        assert LogNotifier().tell(Notice("k", "title", "text", severity)) == ""  # type: ignore[arg-type]
    [record] = caplog.records
    assert record.levelname == level and "title: text" in record.message


def test_both_say_where_notices_go() -> None:
    """What `muse status` shows."""
    assert "log" in LogNotifier().ping() and "Slack" in SlackNotifier("http://x").ping()
