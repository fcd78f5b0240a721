"""Health: whether objects are as they should be, and if not, whether the release or its surroundings are to blame."""
