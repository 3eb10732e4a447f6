"""How borrowed networks are fine-tuned: each by its authors' loss and recipe, at a tenth of their learning rate."""
