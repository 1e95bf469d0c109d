"""The embedded default: PostgreSQL, Valkey, the development mailbox, and one supervisor over all."""
