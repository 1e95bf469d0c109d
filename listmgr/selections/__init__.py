"""People chosen for an action (ticked, searched or by segment), frozen as ids."""
