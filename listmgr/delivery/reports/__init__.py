"""Figures about a campaign: progress, failures, who was not mailed."""
