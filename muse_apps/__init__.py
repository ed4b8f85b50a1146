"""The ways in beside Dagster: the `muse` command."""
