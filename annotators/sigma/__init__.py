"""SIGMA: marks the region whose semantics an instruction-guided edit changed."""
