"""The comparison of trained baselines without private weights: who takes part, training, measuring, and the table."""
