"""CAT-Net: colours through one HRNet, JPEG coefficients through another, joined."""
