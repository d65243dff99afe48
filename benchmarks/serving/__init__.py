"""What serving costs: one module a comparison, run with `python -m benchmarks.serving.NAME`."""
