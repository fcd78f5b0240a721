"""The outside, one vendor library per module; vendor errors are translated at this door."""
