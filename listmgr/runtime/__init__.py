"""The embedded default: PostgreSQL, Valkey, a development mailbox, and their supervisor."""
