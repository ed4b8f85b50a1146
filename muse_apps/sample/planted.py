"""The truth of one sample: the plan joined with the names that git gave the commits."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from muse_apps.sample.commits import Commit
from muse_apps.sample.engine import machine_info
from muse_apps.sample.events import felt_from
from muse_apps.sample.plan import (
    DAYS,
    ENVIRONMENT_CHANGE,
    FELT_EVENT,
    FELT_FACTOR,
    FELT_SHIFT,
    OUTLIERS,
    SAMPLE_VERSION,
    SHIFTS,
    quiet_days,
)
from muse_apps.sample.reports import engine_path
from muse_apps.sample.truth import (
    EnvironmentChange,
    EventTruth,
    JointMovement,
    OutlierRun,
    PlantedShift,
    Refused,
    SampleTruth,
)

# Spearman of two clean steps with independent noise is about 0.7 here; the policy asks for 0.6.
MINIMUM_SPEARMAN = 0.6


def planted_truth(
    hearts: Sequence[Commit], packs: Sequence[Commit], events: EventTruth, refused: tuple[Refused, ...]
) -> SampleTruth:
    """Everything that this sample holds, for `truth.json`."""
    joint = JointMovement(FELT_SHIFT.benchmark, FELT_EVENT, felt_from(), FELT_FACTOR, DAYS[-4:], MINIMUM_SPEARMAN)
    return SampleTruth(
        version=SAMPLE_VERSION,
        days=DAYS,
        shifts=tuple(_shifts(hearts)),
        environment_changes=(_environment_change(),),
        outliers=tuple(OutlierRun(engine_path(run), run, factor) for run, factor in OUTLIERS.items()),
        joint_movements=(joint,),
        refused=refused,
        quiet_days=quiet_days(),
        events=events,
        heads={"hearts": hearts[-1].sha, "packs": packs[-1].sha},
    )


def _shifts(hearts: Sequence[Commit]) -> Iterator[PlantedShift]:
    by_subject = {commit.subject: commit for commit in hearts}
    for shift in SHIFTS:
        commit = by_subject[shift.subject]
        yield PlantedShift(
            day=shift.day,
            began_at=commit.at,
            source_format=shift.source_format,
            benchmark=shift.benchmark,
            metric=shift.metric,
            direction=shift.direction,
            factor=shift.factor,
            commit_sha=commit.sha,
            subject=shift.subject,
            path=shift.path,
        )


def _environment_change() -> EnvironmentChange:
    change = ENVIRONMENT_CHANGE
    before, after = (_machine(change.at - timedelta(days=1)), _machine(change.at))
    return EnvironmentChange(change.at, change.formats, change.factor, before, after)


def _machine(at: datetime) -> Mapping[str, str]:
    info = machine_info(at)
    return {"cpu": info["cpu"]["brand_raw"], "python_version": info["python_version"]}
