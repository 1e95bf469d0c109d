"""The room that knows whether the database and the keys are those of this installation."""
