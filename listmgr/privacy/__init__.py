"""The room that reaches every other for a person's rights: it knows each table of theirs."""
