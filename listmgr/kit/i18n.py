"""Marks texts of the rooms for translation; whoever shows them looks them up."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - the name translators' tools look for
    """The text itself; its being here puts it into the catalogues."""
    return text


class LazyMessage(str):
    """A sentence with its gaps filled; whoever shows it fills them in the reader's language."""

    __slots__ = ("gaps", "sentence")

    sentence: str
    gaps: dict[str, str]


def lazy_message(sentence: str, **gaps: str) -> LazyMessage:
    """The sentence of a catalogue with `gaps` in it; a gap may be a filled sentence itself.

    One without gaps is taken as it stands, so that it may hold a %.
    """
    made = LazyMessage(sentence % gaps if gaps else sentence)
    made.sentence, made.gaps = sentence, gaps
    return made
