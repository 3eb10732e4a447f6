"""Detectors: from one image to a score map of the manipulated region."""
