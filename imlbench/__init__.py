"""imlbench: knowing where an image was edited, and proving how well one knows it."""

__version__ = "0.1.0"
