"""Training of the networks, one module per trainable model."""
