"""Business cards: read from files, codes, pictures and pasted text; nothing here may be mailed."""
