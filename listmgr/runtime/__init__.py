"""The embedded default: PostgreSQL, Valkey, a development mailbox, one supervisor over all."""
