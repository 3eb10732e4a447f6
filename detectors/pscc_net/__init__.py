"""PSCC-Net: a small HRNet and masks from coarse to fine, each gating the next."""
