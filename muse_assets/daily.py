"""What every asset of the graph shares: its partitions, owner, kinds, and the metadata that people see."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from muse_assets.retries import RETRY_POLICY, retried
from muse_domain.days import day_end, day_start
from muse_domain.ports import Row
from muse_domain.settings import Settings
from muse_resources.table_columns import table_columns

OWNER = "team:muse"

# Tables are filled for a whole range in one run; what is judged and published is a run for each day.
ONE_RUN = dg.BackfillPolicy.single_run()


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """UTC days from the configured start. `end_offset=1` lets the day under way be built by hand."""
    muse = settings.muse
    return dg.DailyPartitionsDefinition(
        start_date=day_start(muse.start_date),
        end_date=day_end(muse.end_date) if muse.end_date else None,  # exclusive
        timezone="UTC",
        end_offset=1,
    )


@dataclass(frozen=True, slots=True)
class DailyAsset:
    """One asset of the graph: a plain function with what Dagster is to know about it."""

    function: Callable[..., Any]
    group: str
    deps: Sequence[str | dg.AssetDep]
    kinds: frozenset[str]
    tables: Sequence[str] = ()
    gate: str = ""
    one_run: bool = True

    def build(self, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
        """The Dagster asset. Its key is the function's name, its description the function's docstring."""
        name = self.function.__name__
        gates = [self._gate_spec(name, partitions)] if self.gate else []
        return dg.asset(
            name=name,
            group_name=self.group,
            deps=list(self.deps),
            kinds=set(self.kinds),
            owners=[OWNER],
            description=inspect.getdoc(self.function),
            metadata=self._metadata(),
            partitions_def=partitions,
            backfill_policy=ONE_RUN if self.one_run else None,
            check_specs=gates or None,
            output_required=not gates,
            retry_policy=RETRY_POLICY,
        )(retried(self.function))

    def _metadata(self) -> dict[str, Any]:
        return table_metadata(self.tables[0]) if self.tables else {}

    def _gate_spec(self, name: str, partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(
            self.gate,
            asset=name,
            blocking=True,
            partitions_def=partitions,
            description="The gate of this asset: when it refuses, nothing is built, however the run was started.",
        )


def table_metadata(table: str) -> dict[str, Any]:
    """What the UI shows of an asset's table: its name and its columns with what they mean."""
    columns = [
        dg.TableColumn(column.name, column.type, description=column.comment or None) for column in table_columns(table)
    ]
    return {"dagster/table_name": table, "dagster/column_schema": dg.TableSchema(columns=columns)}


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The days of this run: one, or a range."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def day_of(context: dg.AssetExecutionContext) -> date:
    """The single day of this run."""
    return date.fromisoformat(context.partition_key)


def day_result(rows: int, preview: str, **more: Any) -> dg.MaterializeResult:
    """The result of one day: its row count, and what a person would rather look at."""
    return dg.MaterializeResult(
        metadata={"dagster/partition_row_count": rows, "preview": dg.MetadataValue.md(preview), **more}
    )


def range_result(
    context: dg.AssetExecutionContext, by_day: Mapping[date, int], preview: str = "", **more: Any
) -> dg.MaterializeResult:
    """The result of a run over one day or many: each day gets its own row count, all share the preview."""
    for day, rows in by_day.items():
        context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=day.isoformat())
    if len(by_day) > 1:
        preview = markdown_table(("day", "rows"), by_day.items()) + preview
    if preview:
        more["preview"] = dg.MetadataValue.md(preview)
    return dg.MaterializeResult(metadata={"rows_in_run": sum(by_day.values()), **more})


def count_by_day(days: Iterable[date], rows: Iterable[Row]) -> dict[date, int]:
    """Rows of each day; a day without rows counts zero."""
    counts = dict.fromkeys(days, 0)
    for row in rows:
        counts[row["day"]] += 1
    return counts


# A preview is kept with every materialisation: a cell of it shows where a long text begins.
LONGEST_CELL = 200


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]], longest: int = 40) -> str:
    """Rows as a Markdown table; what does not fit is counted, not hidden."""
    listed = [tuple(row) for row in rows]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in listed[:longest]]
    if len(listed) > longest:
        lines.append(f"\n… and {len(listed) - longest} more")
    return "\n".join(lines) + "\n\n"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    shown = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return shown.replace("|", "\\|").replace("\n", " ")
