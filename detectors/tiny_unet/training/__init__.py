"""How tiny-unet is trained."""
