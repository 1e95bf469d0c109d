"""The life of a consent, from captured to erased."""
