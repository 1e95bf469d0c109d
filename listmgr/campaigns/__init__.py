"""Campaigns: what marketers write and send."""
