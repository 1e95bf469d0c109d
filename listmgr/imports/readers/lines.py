"""Split bytes of any size into lines of bounded length: the first code a hostile file meets."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

BLOCK = 1 << 18
# Longer ones are no rows of people; they are cut to their beginning and said to be too long.
MAX_LINE: Final = 1 << 17
# What a decoder puts where octets mean nothing in its encoding; a row that holds it is refused.
UNREADABLE = "\ufffd"
# How the commonest characters of UTF-8 look when they are read as Windows-1252: Ã¼, Â§, â€œ. The
# second octet of each is a sign no word goes on with after such a capital.
_AFTER = "".join(bytes([octet]).decode("cp1252", "ignore") for octet in range(0x80, 0xC0))
MISREAD = re.compile(f"[ÂÃ][{re.escape(_AFTER)}]|â[€‚][{re.escape(_AFTER)}]")


class TooLong(str):
    """The beginning of a line that does not end within `MAX_LINE` characters."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """Some lines with their line ends. `plain`: no quote, no NUL, nothing undecodable or cut."""

    lines: list[str]
    plain: bool


def decoded(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield the file's text block by block; undecodable bytes become U+FFFD, never an error."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while block := file.read(BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def packs(blocks: Iterator[str], *, misread: bool = False) -> Iterator[Pack]:
    """Yield lines in packs; CR LF, LF and a lone CR end a line. Holds at most two blocks.

    `misread`: a pack that may contain UTF-8 among Windows-1252 is not plain.
    """
    rest, cut = "", False
    for block in blocks:
        text = rest + block
        # A CR at the end may be half of a CR LF.
        held = "\r" if text.endswith("\r") else ""
        whole, ended, begun = _unified(text[: len(text) - len(held)]).rpartition("\n")
        rest = begun + held
        if ended:
            yield _pack(whole + ended, skip_first=cut, misread=misread)
            cut = False
        if len(rest) > MAX_LINE:
            if not cut:
                yield Pack([TooLong(rest[:MAX_LINE])], plain=False)
            rest, cut = held, True
    if rest and not cut:
        yield _pack(_unified(rest), skip_first=False, misread=misread)


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _pack(text: str, *, skip_first: bool, misread: bool) -> Pack:
    # `splitlines` would also cut at form feeds and at U+2028, which may stand in a cell.
    lines = [line + "\n" for line in text.removesuffix("\n").split("\n")]
    if skip_first:
        lines = lines[1:]
    odd = '"' in text or "\0" in text or UNREADABLE in text
    odd = odd or (misread and MISREAD.search(text) is not None)
    if len(text) > MAX_LINE and max(map(len, lines), default=0) > MAX_LINE:
        odd = True
        lines = [line if len(line) <= MAX_LINE else TooLong(line[:MAX_LINE]) for line in lines]
    return Pack(lines, plain=not odd)
