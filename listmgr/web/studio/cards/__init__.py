"""Business cards in the studio."""
