"""Imports in the studio."""
