"""The perturbations that come with imlbench, one family a file. The contract is in `imlbench.perturb`."""
