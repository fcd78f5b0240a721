"""Shapes: the kinds users write, and every name they are known by. Nothing here decides or reaches outside."""
