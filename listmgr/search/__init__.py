"""Search of subscribers: conditions as SQL, counts, pages of results."""
