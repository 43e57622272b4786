"""The Reconstruct dock: mode, method, options, and how the run stands."""
