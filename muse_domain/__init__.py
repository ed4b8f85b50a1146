"""Pure models and functions. Nothing here knows Dagster, a network, an environment or a clock."""
