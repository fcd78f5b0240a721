"""Benchmarks of docs/performance.md: ratios within one run on one machine, printed, never asserted by a test.

Run with ``make bench`` or ``python -m tests.bench``.
"""
