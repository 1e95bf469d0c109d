"""Messages: templates compiled once, headers, MIME, attachments."""
