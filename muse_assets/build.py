"""The one place that joins assets, checks, jobs, schedules, sensors and resources.

Production, the command line, tests and benchmarks all call `build_defs`, with other adapters but the same graph.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from muse_assets.approvals import approval_assets
from muse_assets.checks import daily_checks
from muse_assets.council.group import council_assets
from muse_assets.daily import DailyAsset, daily_partitions
from muse_assets.digest import digest_assets, monthly_partitions
from muse_assets.ingest import ingest_assets
from muse_assets.jobs import claims_job, daily_episode_job, digest_job
from muse_assets.overrides import override_assets
from muse_assets.prove import corrections_asset
from muse_assets.publish import publish_assets
from muse_assets.sources import source_assets
from muse_assets.watch import watch_assets
from muse_domain.settings import Settings
from muse_resources.adapters import Adapters
from muse_sensors.catch_up import catch_up_sensor
from muse_sensors.commits import commit_sensor
from muse_sensors.failures import failure_sensor
from muse_sensors.files import file_sensor
from muse_sensors.schedules import claims_schedule, daily_episode_schedule, digest_schedule
from muse_sensors.watcher import watcher_sensor

# Used on purpose, pinned, and covered by tests: checks of single partitions (preview), backfill policies (beta),
# and a job that mixes tables (one run for a range) with episodes (a run for each day).
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings(
    "ignore", message="Asset job daily_episode_job materializes assets with varying BackfillPolicies"
)


def build_defs(adapters: Adapters) -> dg.Definitions:
    """The whole graph over these adapters."""
    settings = adapters.workspace.settings
    partitions, months = daily_partitions(settings), monthly_partitions(settings)
    job, digest, claims = daily_episode_job(), digest_job(), claims_job()
    return dg.Definitions(
        assets=[
            *source_assets(settings),
            *(asset.build(partitions) for asset in [*daily_assets(settings), *override_assets(), *approval_assets()]),
            *(asset.build(months) for asset in digest_assets()),
            corrections_asset(),
        ],
        asset_checks=daily_checks(partitions),
        jobs=[job, digest, claims],
        schedules=[
            daily_episode_schedule(job, settings),
            digest_schedule(digest, settings),
            claims_schedule(claims, settings),
        ],
        sensors=[
            watcher_sensor(adapters),
            commit_sensor(adapters, job),
            file_sensor(adapters, job),
            catch_up_sensor(adapters, job),
            failure_sensor(adapters),
        ],
        resources=graph_resources(adapters),
        executor=dg.in_process_executor,
    )


def daily_assets(settings: Settings) -> list[DailyAsset]:
    """Every daily asset, in the order in which a day's data walks through them."""
    return [*ingest_assets(settings), *watch_assets(), *council_assets(), *publish_assets()]


def graph_resources(adapters: Adapters) -> Mapping[str, Any]:
    """The adapters under the names by which assets ask for them."""
    return {
        "workspace": adapters.workspace,
        "warehouse": adapters.warehouse,
        "repositories": dict(adapters.repositories),
        "writer": adapters.writer,
        "template_writer": adapters.template_writer,
        "publisher": adapters.publisher,
        "deployer": adapters.deployer,
        "notifier": adapters.notifier,
        "clock": adapters.clock,
        "on_file": adapters.on_file,
    }
