"""The content of a message, and the compiled message that renders it for one subscriber at a
time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from listmgr.delivery.message import mime

_TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.~-]{0,511}").fullmatch
_ID = re.compile(r"[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*").fullmatch
_ADDRESS = re.compile(
    r"[^\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff()<>\[\]:;@\\,\"]{1,64}@[A-Za-z0-9.-]{1,255}"
).fullmatch
_DATE = re.compile(r"[A-Za-z0-9 ,:+-]{1,64}").fullmatch
Render = Callable[[Sequence[str], tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True)
class MessageFile:
    """A file of the mail: shown where the HTML says `cid:name`, else attached."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageContent:
    """The content and headers of a campaign. Addresses have A-label domains.

    `unsubscribe_base` and `preferences_base` end where the token begins (`https://…/u/`); `list_id`
    is a value of `headers.list_id`. An empty `html` makes a text-only message.
    """

    subject: str
    text: str
    html: str
    from_address: str
    message_id_domain: str
    unsubscribe_base: str
    list_id: str
    from_name: str = ""
    reply_to: str = ""
    preferences_base: str = ""
    language: str = ""
    extra_headers: tuple[tuple[str, str], ...] = ()
    files: tuple[MessageFile, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """A message ready to render. `kind` is "slots" or "template" (slower)."""

    fields: tuple[str, ...]
    kind: str
    _parts: list[bytes] = field(repr=False)
    _fixed: tuple[int, int, int, int] = field(repr=False)
    _tokens: tuple[tuple[int, ...], tuple[int, ...]] = field(repr=False)
    # Where the same field with the same filters stands again, it is encoded once.
    _slots: tuple[tuple[int, Callable[[str], bytes], tuple[int, ...]], ...] = field(repr=False)
    _lines: tuple[tuple[int, tuple[int, ...], Callable[..., bytes]], ...] = field(repr=False)
    _renders: tuple[tuple[int, Render], ...] = field(repr=False)

    def render(
        self,
        values: Sequence[str],
        *,
        to: str,
        token: str,
        message_id: str,
        date: str,
        preferences_token: str = "",
    ) -> bytes:
        """Return the message as transmitted: CRLF, no dot in column 0, for DATA and for BDAT.

        `values` follow `fields`; `message_id` is the part left of the @; `date` is in RFC 5322
        format. Without `preferences_token` both links contain `token`. Raises ValueError for a
        value that would break out of its header.
        """
        if len(values) != len(self.fields):
            raise ValueError(f"{len(self.fields)} values are needed: {', '.join(self.fields)}")
        if not (_ADDRESS(to) and _ID(message_id)):
            raise ValueError("the address or the message id cannot stand in a header")
        parts = self._parts.copy()
        at_to, at_date, at_id, at_header = self._fixed
        parts[at_to], parts[at_date] = to.encode(), _date(date)
        parts[at_id] = message_id.encode()
        parts[at_header], link = _link(token)
        self._put_links(parts, link, preferences_token)
        for column, encode, places in self._slots:
            octets = encode(values[column])
            for place in places:
                parts[place] = octets
        for place, columns, line in self._lines:
            parts[place] = line(*[values[column] for column in columns])
        for place, render in self._renders:
            parts[place] = render(values, (token, preferences_token or token))
        return b"".join(parts)

    def _put_links(self, parts: list[bytes], link: bytes, preferences_token: str) -> None:
        unsubscribe, preferences = self._tokens
        for place in unsubscribe:
            parts[place] = link
        if preferences_token:
            link = _link(preferences_token)[1]
        for place in preferences:
            parts[place] = link


def _link(token: str) -> tuple[bytes, bytes]:
    """Return the token as a header contains it, and as it ends a link in a body."""
    if not _TOKEN(token):
        raise ValueError("a token is URL-safe and at most 512 characters")
    written = f"{token}=\r\n" if len(token) <= mime.WIDTH else mime.quoted(token)
    return token.encode(), written.encode()


@lru_cache(64)
def _date(date: str) -> bytes:
    """Return the date as bytes; all mails of a window share one."""
    if not _DATE(date):
        raise ValueError("the date cannot stand in a header")
    return date.encode()
