"""The Registration dock."""
