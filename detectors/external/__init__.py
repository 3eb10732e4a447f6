"""Detectors that run in another process: a checkout with an environment of its own, spoken to in JSON lines."""
