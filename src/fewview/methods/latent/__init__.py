"""CLS-DM: a volume from two views by a diffusion of latents that are aligned with them."""
