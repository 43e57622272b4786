"""SD-Turbo as a slice fixer: a large one-step diffusion model that the user has, with small adapters trained here."""
