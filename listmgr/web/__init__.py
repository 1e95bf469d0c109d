"""HTML pages: parse the request, call one use case, render."""
