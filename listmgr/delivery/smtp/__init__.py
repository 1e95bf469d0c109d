"""SMTP client: connections, pipelining, reply codes."""
