"""The room of what marketers write and send."""
