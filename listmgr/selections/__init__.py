"""The room of people chosen for something: ticked, found or by a segment, frozen as numbers."""
