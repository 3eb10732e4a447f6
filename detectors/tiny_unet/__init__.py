"""tiny-unet: a U-Net of less than four million parameters that is trained and run on a processor."""
