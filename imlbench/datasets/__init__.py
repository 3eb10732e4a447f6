"""Datasets: one module a set, each from the layout in which it is published, each with its own mask rule."""
