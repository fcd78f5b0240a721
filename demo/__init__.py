"""The whole story on a real API server, told as it happens: `python -m demo`, or `make demo`. Not in the wheel."""
