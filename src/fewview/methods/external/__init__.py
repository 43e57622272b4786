"""Methods of other toolboxes, where they are installed."""
