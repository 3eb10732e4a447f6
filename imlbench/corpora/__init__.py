"""Editing corpora: pairs without masks, by the million, streamed from where they lie."""
