"""Mark messages of the domain packages for translation; whoever shows them translates them."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - the name translators' tools look for
    """Return the text unchanged; the call puts it into the catalogues."""
    return text


class LazyMessage(str):
    """A message with parameters, formatted in the reader's language when shown."""

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
