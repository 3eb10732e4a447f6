"""What a trainer needs of DDPM-CD: the recipe, the losses, and one step's loss."""
