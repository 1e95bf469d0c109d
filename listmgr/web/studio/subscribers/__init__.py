"""Subscribers in the studio."""
