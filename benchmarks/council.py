"""A day's council (facts, draft, verdict) over a warehouse with a year of data, beside its queries alone."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import dagster as dg

from benchmarks.measuring import Figures, Sizes, alternate, table
from muse_assets.build import build_defs
from muse_assets.council.episode_drafts import episode_drafts
from muse_assets.council.episode_verdicts import episode_verdicts
from muse_assets.council.fact_sheets import fact_sheets
from muse_domain.ports import LoadedDay
from muse_resources.adapters import Adapters, build_adapters
from muse_resources.embedded.connect import owner_client, stop_owner
from muse_resources.engine import Engine
from muse_resources.workspace import load_workspace

TITLE = "A day's council over a year of data"
DAYS = 365
FIRST = date(2025, 9, 1)
LAST = FIRST + timedelta(days=DAYS - 1)
SERIES, SHIFTED, EVENTS = 50, 5, 1_000_000
COUNCIL = ("fact_sheets", "episode_drafts", "episode_verdicts")
_ALONE, _RUN, _QUERIES = "the council", "the council as a run of Dagster, in this process", "its queries alone"

_SETTINGS = f"""
[muse]
start_date = {FIRST}
end_date = {LAST}

[repositories.hearts]
path = "."

[repositories.packs]
path = "."

[[reports]]
files = "reports/*.json"

[[events]]
files = "events/*.jsonl"

[events.mapping]
ts = "timestamp"
event_type = "event"
latency = "latencyMs"
"""
# Four runs a day of every benchmark, each of a commit of its own; some are a third slower from the last morning on.
_RUNS = """
INSERT INTO bench_runs
    (day, ts, ts_source, run_id, repository, commit_sha, suite, benchmark, latency_mean_ms, latency_p50_ms, n_samples,
     environment_fingerprint, environment, quality, source_format, source_path, source_sha256)
SELECT
    toDate(at), at, 'report', reinterpretAsUUID(sipHash128(number)), 'hearts', lower(hex(SHA1(toString(round)))),
    'made',
    concat('decode_', toString(series)), level + 1, level, 20, 'made', map('machine', 'made'), 'ok', 'pytest-benchmark',
    concat('reports/', toString(round), '.json'), lower(hex(SHA256(toString(round))))
FROM
(
    SELECT
        number, intDiv(number, {series:UInt32}) AS round, number % {series:UInt32} AS series,
        toDateTime64({first:Date}, 3, 'UTC') + round * 21600 + 3600 AS at,
        -- Normal noise that is the same in every run (Box and Muller).
        (100 + sqrt(-2 * log((sipHash64(number, 1) + 1.) / 18446744073709551617.))
            * cos(2 * pi() * sipHash64(number, 2) / 18446744073709551616.))
            * if(series < {shifted:UInt32} AND toDate(at) >= {shift:Date}, 1.33, 1) AS level
    FROM numbers({days:UInt32} * 4 * {series:UInt32})
)
"""
_COMMITS = """
INSERT INTO commits (day, ts, repository, commit_sha, subject, parents)
SELECT
    toDate(at), at, 'hearts', lower(hex(SHA1(toString(number)))), concat('Commit ', toString(number)),
    if(number = 0, [], [lower(hex(SHA1(toString(number - 1))))])
FROM (SELECT number, toDateTime64({first:Date}, 3, 'UTC') + number * 21600 AS at FROM numbers({days:UInt32} * 4))
"""
_EVENTS = """
INSERT INTO ui_events (day, ts, event_type, latency_ms, metadata, source_path)
SELECT toDate(at), at, 'page_view', 100 + sipHash64(number) % 41, map(), 'events/made.jsonl'
FROM
(
    SELECT number, toDateTime64({first:Date}, 3, 'UTC') + intDiv(number * 86400 * {days:UInt32}, {events:UInt64}) AS at
    FROM numbers({events:UInt64})
)
"""


def measure(sizes: Sizes) -> str:
    """The last day of the year, told again and again."""
    with _year() as adapters:
        _run(adapters, ("watcher_runs", "findings"))
        recorded: list[Callable[[], None]] = []
        with _recording(recorded):
            _council(adapters)
        [draft] = adapters.warehouse.select("select_draft", {"day": LAST})
        [verdict] = adapters.warehouse.select("select_verdict", {"day": LAST})
        if draft["outcome"] != "draft" or not verdict["passed"]:
            raise RuntimeError(f"the council did not come to an episode: {draft['outcome']}, {verdict['objections']}")
        facts = len(adapters.warehouse.select("select_fact_sheet", {"day": LAST}))
        sides = alternate(
            {
                _QUERIES: partial(_timed, lambda: _replay(recorded)),
                _ALONE: partial(_timed, lambda: _council(adapters)),
                _RUN: partial(_timed, lambda: _run(adapters, COUNCIL)),
            },
            max(sizes.rounds, 5),
        )
    least = sides[_QUERIES]["seconds"]
    rows = [
        [name, f"{side['seconds']:.3f}", side.spread, f"{side['seconds'] / least:.2f}"] for name, side in sides.items()
    ]
    return (
        f"{DAYS} days of {SERIES} benchmarks with four runs a day ({DAYS * 4 * SERIES:,} runs), {DAYS * 4:,} commits "
        f"and {EVENTS:,} events; on the last days {SHIFTED} benchmarks have moved: {facts} facts, {verdict['claims']} "
        f"claims, by the template writer. The queries alone are the {len(recorded)} SELECT statements of the council, "
        f"sent one after the other and their rows fetched.\n\n{table(('', 's', 'spread', 'beside its queries'), rows)}"
    )


@contextmanager
def _year() -> Iterator[Adapters]:
    """A warehouse with all that the council reads of a year."""
    with TemporaryDirectory() as scratch:
        (Path(scratch) / "muse.toml").write_text(_SETTINGS, encoding="utf-8")
        workspace = load_workspace(Path(scratch), {"MUSE_HASH_KEY": "benchmark"})
        engine = workspace.path(workspace.settings.warehouse.folder)
        adapters = build_adapters(workspace)
        try:
            adapters.warehouse.migrate()
            client = owner_client(engine, database=workspace.settings.warehouse.database)
            bound = {
                "first": FIRST, "days": DAYS, "series": SERIES, "shifted": SHIFTED, "shift": LAST - timedelta(days=1),
                "events": EVENTS,
            }  # fmt: skip
            for statement in (_RUNS, _COMMITS, _EVENTS):
                client.command(statement, parameters=bound, settings={"max_partitions_per_insert_block": 0})
            client.close()
            days = [FIRST + timedelta(days=number) for number in range(DAYS)]
            for source in ("bench_runs", "commits", "ui_events", "session_stats"):
                adapters.warehouse.record_loads(source, [LoadedDay(day, 1) for day in days])
            yield adapters
        finally:
            stop_owner(engine)


def _council(adapters: Adapters) -> None:
    """The assets' own functions, without Dagster around them."""
    context: Any = SimpleNamespace(
        partition_key=LAST.isoformat(),
        partition_keys=[LAST.isoformat()],
        run=SimpleNamespace(run_id="benchmark"),
        log=SimpleNamespace(warning=print),
        add_asset_metadata=lambda *_, **__: None,
    )
    store, workspace = adapters.warehouse, adapters.workspace
    fact_sheets(context, store)
    episode_drafts(context, store, adapters.writer, adapters.template_writer, workspace, adapters.clock)
    episode_verdicts(context, store, adapters.publisher, workspace)


def _run(adapters: Adapters, assets: tuple[str, ...]) -> None:
    graph = build_defs(adapters).resolve_implicit_global_asset_job_def()
    subset = graph.get_subset(asset_selection={dg.AssetKey(name) for name in assets})
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    subset.execute_in_process(partition_key=LAST.isoformat(), run_config=quiet)


@contextmanager
def _recording(recorded: list[Callable[[], None]]) -> Iterator[None]:
    """Every SELECT meanwhile, as something that can be sent again."""
    send = Engine.rows

    def rows(engine: Engine, sql: str, parameters: Mapping[str, Any] | None = None, **settings: Any) -> Any:
        if "staging__" not in sql and "system." not in sql:  # of tables that are gone by then
            recorded.append(lambda: _fetch(engine, sql, dict(parameters or {}), settings))
        return send(engine, sql, parameters, **settings)

    Engine.rows = rows  # type: ignore[method-assign]
    try:
        yield
    finally:
        Engine.rows = send  # type: ignore[method-assign]


def _fetch(engine: Engine, sql: str, parameters: dict[str, Any], settings: dict[str, Any]) -> None:
    _ = engine.client.query(sql, parameters=parameters, settings=settings).result_rows


def _replay(recorded: list[Callable[[], None]]) -> None:
    for send in recorded:
        send()


def _timed(work: Callable[[], None]) -> Figures:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started}
