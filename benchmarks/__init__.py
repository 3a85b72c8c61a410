"""Benchmarks: figures beside those of something else, in the same run."""
