"""Training of Meta-CD and SAM-CD: recipe, losses, task, and the commands `imlbench train meta-cd` and `sam-cd`."""
