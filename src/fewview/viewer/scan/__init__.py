"""The Scan dock: what is loaded, what is assumed, what is missing."""
