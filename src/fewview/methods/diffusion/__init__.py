"""Reconstruction by a diffusion prior: one loop, and the parts that make it each of the published methods."""
