"""Every decision, as pure functions over facts: no I/O, no clock, no vendor library."""
