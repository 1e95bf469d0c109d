"""The room of what every room stands on: database, transaction, queue, tokens, mail, clock."""
