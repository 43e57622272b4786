"""The table of keys and its dialog."""
