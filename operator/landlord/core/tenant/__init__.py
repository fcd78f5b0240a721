"""What a Tenant becomes: one builder module per kind of object; ``plan`` composes them."""
