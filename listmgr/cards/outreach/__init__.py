"""What a card's owner is asked: statement of consent, sign-up link, reply mail."""
