"""SIGMA's training: Stage I on exact masks, Stage II with zero edits, a teacher and disentanglement."""
