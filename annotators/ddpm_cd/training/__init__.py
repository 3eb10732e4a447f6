"""Training of DDPM-CD: its change head over a frozen diffusion model, and the losses of both."""
