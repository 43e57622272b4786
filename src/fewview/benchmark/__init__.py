"""Speed and quality measured, as flat rows for `benchmarks/results/`."""
