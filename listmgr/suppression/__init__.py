"""Addresses that must never be mailed again, stored without the address."""
