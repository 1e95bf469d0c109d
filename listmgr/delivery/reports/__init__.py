"""Reports about a campaign: progress, failures, people not mailed."""
