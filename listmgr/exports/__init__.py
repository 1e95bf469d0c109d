"""Exports of people: requested with a reason, written by a job, deleted after a day."""
