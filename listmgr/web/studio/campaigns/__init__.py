"""Campaigns in the studio."""
