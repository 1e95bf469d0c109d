"""Imports of people from files: read, checked and applied without raising anyone's consent."""
