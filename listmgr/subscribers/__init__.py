"""Subscribers: the people listmgr may know, their addresses and fields."""
