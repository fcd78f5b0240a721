"""Charts from OCI registries and HTTPS repositories: fetched once, checked, kept by content; ``client`` is the door."""
