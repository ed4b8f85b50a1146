"""The sample workspace of `make demo`: sources, reports and events with planted changes."""
