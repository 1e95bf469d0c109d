"""The room of addresses that must never be mailed again, kept without the address."""
