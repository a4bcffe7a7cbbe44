"""Tests of what the benchmarks count by, not of what they measure."""
