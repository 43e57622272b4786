"""The quality benchmark: every method on the same samples, as flat rows."""
