"""What trains DASS: the recipe, the losses, and what the shared trainer needs of it."""
