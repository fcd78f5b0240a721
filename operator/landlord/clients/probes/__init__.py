"""Looks at what a release does while it runs: HTTP requests, PromQL queries, CEL about its objects."""
