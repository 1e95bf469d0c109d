"""The room of the demonstration: an invented organisation, and a story that checks the product."""
