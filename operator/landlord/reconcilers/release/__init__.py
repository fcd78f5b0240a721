"""Passes over AppReleases, and their parts."""
