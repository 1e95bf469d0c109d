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
    """Return a catalogue's message with parameters; a parameter may be a message itself.

    A message without parameters is used unchanged, so that it may contain a %.
    """
    message = LazyMessage(sentence % gaps if gaps else sentence)
    message.sentence, message.gaps = sentence, gaps
    return message
