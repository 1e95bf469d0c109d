"""The room of sending: leases, windows, messages and their outcomes."""
