"""The room of acts on many people at once: previewed, chunked, undone where that is lawful."""
