"""Contact with the owner of a card: statement of consent, sign-up link, first reply."""
