"""Measured speed, beside the engine's own limits, in the same run. `make bench` writes docs/performance.md."""
