"""DASS: difference-aware semantic segmentation of an original, its edited image, and how far they lie apart."""
