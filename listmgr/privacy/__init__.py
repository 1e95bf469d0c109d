"""Data subjects' rights; knows every table that holds personal data."""
