"""The room of the life of a consent, from captured to erased."""
