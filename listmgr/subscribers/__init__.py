"""The room of the people we may know of."""
