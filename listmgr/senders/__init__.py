"""The room of the SMTP accounts mail leaves by, and of how much each may send when."""
