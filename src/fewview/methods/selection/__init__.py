"""Settings chosen by held-out measurements: what is held out, how settings are compared, how they are searched."""
