"""Mass updates of people: previewed, applied in chunks, undone where the law permits."""
