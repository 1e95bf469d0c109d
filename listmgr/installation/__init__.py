"""Check that the database and the keys belong to this installation."""
