"""Sending of campaigns: leases, windows, messages and their outcomes."""
