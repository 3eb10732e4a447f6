"""From an annotated corpus to a training set: chosen pairs, split by source, every image encoded in one way."""
