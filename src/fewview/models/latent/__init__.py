"""The networks of CLS-DM: autoencoder, X-ray encoder with its alignment, and the diffusion of latents."""
