"""Settings in the studio: senders, operators, fields, API keys."""
