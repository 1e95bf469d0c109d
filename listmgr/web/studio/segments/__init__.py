"""Segments in the studio."""
