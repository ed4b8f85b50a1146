"""Front matter, body and ledger must fit each other, or the episode is named and nothing is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from muse_resources.site.model import SiteError
from tests.resources.site.building import Change, build, with_ledger
from tests.site_samples import sample_episodes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ledger: ledger["claims"][0].update(text="99 ms"), "claim 0 .*does not stand at"),
        (lambda ledger: ledger["claims"][0].update(start=-3), "claim 0 .*does not stand at"),
        (lambda ledger: ledger["claims"][1].update(ledger["claims"][0]), "claim 1 .*overlaps"),
        (
            lambda ledger: ledger["claims"][0].update(fact="f9.after"),
            "claim 0 .*fact that the ledger does not",
        ),
        (lambda ledger: ledger["claims"][0].update(where="front_matter.mood"), "claim 0 .*has no place"),
        (lambda ledger: ledger["claims"][-1].update(text="21.5"), "does not stand in the front matter"),
        (lambda ledger: ledger["claims"][-2].update(text="4.8 %"), "does not stand in the title"),
        (lambda ledger: ledger["facts"]["f1.after"].pop("sql"), "'sql' is missing"),
        (lambda ledger: ledger["episode"].update(series="banterpacks"), "ledger is that of banterpacks 2"),
    ],
    ids=["text", "offset", "overlap", "fact", "place", "p95", "title", "field", "series"],
)
def test_a_ledger_that_does_not_fit_is_an_error(tmp_path: Path, change: Change, message: str) -> None:
    """It names the episode and the claim, and nothing is written."""
    with pytest.raises(SiteError, match=f"^chimera/ep-002: .*{message}"):
        build(tmp_path / "site", with_ledger(change))
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(("series", "number"), [("../etc", 1), ("", 1), ("Muse", 1), ("chimera", 0)])
def test_an_address_outside_the_site_is_refused(tmp_path: Path, series: str, number: int) -> None:
    """Names become folders, so they are held to a narrow form."""
    with pytest.raises(SiteError, match="no address"):
        build(tmp_path / "site", replace(sample_episodes()[0], series=series, number=number))
