"""Senders: the SMTP accounts, and how much each may send when."""
