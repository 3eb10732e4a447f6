"""TruFor: colours and a learned noise print through a two-stream SegFormer, with a confidence and an image score."""
