"""Segments: saved rules that narrow a campaign's audience among the people with consent."""
