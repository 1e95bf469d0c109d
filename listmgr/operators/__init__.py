"""The room of staff accounts, their roles and what they did."""
