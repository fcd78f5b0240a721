"""What an Environment says of itself: its tenants by state, and who holds it."""
