"""Mailing lists, their purposes, sign-up forms and the wording people agree to."""
