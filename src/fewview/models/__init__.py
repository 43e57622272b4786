"""Networks: the diffusion prior, its low-rank adaptation, and weights on disk."""
