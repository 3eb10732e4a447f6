"""DDPM-CD: marks changes by comparing what a diffusion model's decoder sees in two noised images."""
