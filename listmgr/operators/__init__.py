"""Staff accounts, their roles, sessions and audit log."""
