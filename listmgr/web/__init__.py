"""The room of HTML for people: parse, call one use case, render."""
