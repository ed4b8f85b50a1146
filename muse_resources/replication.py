"""The migrations on a ClickHouse cluster: made on every node at once, every table replicated."""

import re

_MADE_OR_DROPPED = re.compile(
    r"\A(CREATE (?:DATABASE|TABLE) IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP TABLE IF EXISTS)\s+(\w+)"
)
_ENGINE = re.compile(r"\bENGINE = (\w*MergeTree)\b")


def for_cluster(sql: str, cluster: str) -> str:
    """One statement of a migration as a cluster needs it; as it stands where `cluster` is empty.

    Where the replicas keep what they share follows from the servers' own `default_replica_path`. What changes a table
    or fills it needs no word of the cluster: a replicated table passes it on.
    """
    if not cluster:
        return sql
    everywhere = _MADE_OR_DROPPED.sub(rf"\1 \2 ON CLUSTER '{cluster}'", sql)
    return _ENGINE.sub(r"ENGINE = Replicated\1", everywhere)
