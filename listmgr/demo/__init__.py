"""The demo: an invented organisation, and a story that checks the product."""
