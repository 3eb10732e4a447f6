"""IML-ViT: a ViT-B with windowed attention over 1024 x 1024, a feature pyramid and a small head."""
