"""Foundations of all packages: database, transactions, queue, tokens, mail, clock."""
