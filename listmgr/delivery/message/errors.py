"""Errors in a message: which part, which line, and what to do."""

from __future__ import annotations

from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import (
    N_,
    LazyMessage,
    lazy_message,
)

_PARTS = {
    "subject": N_("subject"),
    "text": N_("text"),
    "html": N_("html"),
    "headers": N_("headers"),
    "message": N_("message"),
}


class MessageError(InvalidInput):
    """A message cannot be compiled. `part` is subject, text, html or a header; `line` counts from
    1.
    """

    def __init__(self, message: str, *, part: str, line: int = 0) -> None:
        problem = message if isinstance(message, LazyMessage) else lazy_message(message)
        gaps: dict[str, str] = {"problem": problem, "part": lazy_message(_PARTS.get(part, part))}
        self.sentence: LazyMessage = (
            lazy_message(N_("%(part)s, line %(line)s: %(problem)s"), line=str(line), **gaps)
            if line
            else lazy_message(N_("%(part)s: %(problem)s"), **gaps)
        )
        super().__init__(self.sentence, {part: message})
        self.part = part
        self.line = line
