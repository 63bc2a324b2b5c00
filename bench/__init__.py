"""How fast? Verified first, then timed: workloads, pytest-benchmark, and the way to the store."""
