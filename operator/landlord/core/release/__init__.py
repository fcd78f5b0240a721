"""Releases: what one is made of, what it would do, what has become of it, and the one step that follows."""
