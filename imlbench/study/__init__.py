"""Annotators as supervision: annotate a corpus, export it, fine-tune detectors on it, evaluate before and after.

Every step has a folder of its own that is whole or goes on where it was; the same order again does what is missing.
"""
