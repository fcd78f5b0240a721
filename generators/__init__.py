"""Programs that write the committed, generated files; each knows --check, which fails when a file is stale."""
