"""Mesorch: high and low frequencies by a ConvNeXt and a SegFormer, weighed against one another."""
