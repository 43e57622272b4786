"""What the docks share: widgets, plots, layers, words."""
