"""Event formats: one small module each, found by `registry`."""
