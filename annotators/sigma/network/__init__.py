"""SIGMA's network: two images and a prior from the instruction in, one logit per pixel out."""
