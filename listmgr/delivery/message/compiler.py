"""Compile a campaign once into literal bytes and slots."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

from jinja2.nodes import Template
from markupsafe import escape

from listmgr.delivery.message import (
    headers,
    mime,
)
from listmgr.delivery.message.attachments import enclose
from listmgr.delivery.message.compiled import (
    CompiledMessage,
    MessageContent,
    Render,
)
from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.template_language import (
    KNOWN_FIELDS,
    URL_FIELDS,
    Slot,
    fields_of,
    parse,
    pieces,
    template_of,
)
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)

# Names and cities repeat; what does not repeat pushes the oldest out.
_REMEMBERED = 1 << 13
# The same in HTML and in quoted-printable: nearly all addresses.
_BARE = re.compile(r"[A-Za-z0-9@_-][A-Za-z0-9@_.-]{0,74}").fullmatch
_OURS = (
    {"from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"}
    | {"list-id", "mime-version", "content-type", "content-transfer-encoding"}
    | {"content-language", "sender", "reply-to", "cc", "bcc"}
)
_Finish = Callable[[object], str]
_Write = Callable[[], None]


def compile_message(
    content: MessageContent, *, known_fields: Collection[str] = KNOWN_FIELDS
) -> CompiledMessage:
    """Compile a campaign. Raises MessageError naming part, line and what to do."""
    try:
        return _Compiler(content, known_fields).compiled()
    except headers.HeaderRefused as error:
        raise MessageError(error.args[0], part="headers") from None
    except UnicodeEncodeError:
        raise MessageError(
            N_("It contains half a character. Type it again."), part="message"
        ) from None


class _Wire(str):
    """Text already encoded for the wire."""

    __slots__ = ()


def _finish_html(value: object) -> str:
    return value if isinstance(value, _Wire) else mime.quoted(str(escape(mime.clean(str(value)))))


def _finish_text(value: object) -> str:
    return value if isinstance(value, _Wire) else mime.quoted(mime.clean(str(value)))


def _subject_line(value: str) -> bytes:
    return headers.unstructured(headers.scrub(value).strip(), used=len("Subject:")).encode()


def _encoder(slot: Slot, finish: _Finish) -> Callable[[str], bytes]:
    """Return the function that encodes a slot's value. Names repeat, so results are cached."""

    def encode(raw: str) -> bytes:
        return finish(slot.value(raw)).encode()

    def encode_address(raw: str) -> bytes:
        return f"{raw}=\r\n".encode() if _BARE(raw) else encode(raw)

    if slot == Slot("email"):
        return encode_address
    return lru_cache(_REMEMBERED)(encode)


class _Compiler:
    """Collects the parts of one message; used once."""

    def __init__(self, content: MessageContent, known_fields: Collection[str]) -> None:
        self.content = content
        self.known_fields = known_fields
        self.parts: list[bytes] = [b""]
        self.slots: dict[tuple[Slot, _Finish], list[int]] = {}
        self.lines: list[tuple[int, tuple[int, ...], Callable[..., bytes]]] = []
        self.renders: list[tuple[int, Render]] = []
        self.tokens: dict[str, list[int]] = {name: [] for name in URL_FIELDS}
        preferences = content.preferences_base or content.unsubscribe_base
        self.bases = {
            "unsubscribe_url": headers.unsubscribe_base(content.unsubscribe_base),
            "preferences_url": headers.unsubscribe_base(preferences),
        }
        self.fields: list[str] = []
        self.files = enclose(content.html, content.files, content.message_id_domain)

    def compiled(self) -> CompiledMessage:
        """Return the complete message in the order it is written."""
        fixed = self._headers()
        self._parts("mixed", [self._words, *map(self._written, self.files.attached)])
        return CompiledMessage(
            fields=tuple(self.fields),
            kind="template" if self.renders else "slots",
            _parts=self.parts,
            _fixed=fixed,
            _tokens=(tuple(self.tokens["unsubscribe_url"]), tuple(self.tokens["preferences_url"])),
            _slots=tuple(
                (self._column(slot.field), _encoder(slot, finish), tuple(places))
                for (slot, finish), places in self.slots.items()
            ),
            _lines=tuple(self.lines),
            _renders=tuple(self.renders),
        )

    def _words(self) -> None:
        self._parts(
            "alternative", [self._plain, *([self._shown] if self.files.html.strip() else ())]
        )

    def _shown(self) -> None:
        self._parts("related", [self._html, *map(self._written, self.files.shown)])

    def _plain(self) -> None:
        self._literal(mime.part_head("plain"))
        self._body("text", self.content.text)

    def _html(self) -> None:
        self._literal(mime.part_head("html"))
        self._body("html", self.files.html)

    def _written(self, part: str) -> _Write:
        return lambda: self._literal(part)

    def _parts(self, kind: str, parts: list[_Write]) -> None:
        """Write one part alone, or several in a multipart."""
        if len(parts) == 1:
            parts[0]()
            return
        edge = mime.boundary(kind, self.content.subject, self.content.text, self.content.html)
        self._literal(f'Content-Type: multipart/{kind}; boundary="{edge}"\r\n')
        for write in parts:
            self._literal(f"\r\n--{edge}\r\n")
            write()
        self._literal(f"\r\n--{edge}--\r\n")

    def _headers(self) -> tuple[int, int, int, int]:
        content = self.content
        if not headers.clean(content.subject, what="subject"):
            raise MessageError(N_("Write a subject."), part="subject")
        if not headers.is_domain(content.message_id_domain):
            raise MessageError(N_("It needs a domain like example.org."), part="message_id_domain")
        self._literal(headers.mailbox("From", content.from_name, content.from_address) + "\r\nTo: ")
        at_to = self._hole()
        self._literal("\r\nSubject:")
        self._subject()
        self._literal("\r\nDate: ")
        at_date = self._hole()
        self._literal("\r\nMessage-ID: <")
        at_id = self._hole()
        self._literal(f"@{content.message_id_domain}>\r\n")
        self._literal(f"List-Unsubscribe: <{self.bases['unsubscribe_url']}")
        at_header = self._hole()
        self._literal(">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        self._literal("".join(f"{line}\r\n" for line in self._fixed_headers()))
        return at_to, at_date, at_id, at_header

    def _fixed_headers(self) -> list[str]:
        content = self.content
        lines = [headers.list_id_header(content.list_id)]
        if content.reply_to:
            lines.append(headers.mailbox("Reply-To", "", content.reply_to))
        if content.language:
            lines.append(headers.header("Content-Language", content.language))
        for name, value in content.extra_headers:
            if name.lower() in _OURS:
                sentence = lazy_message(N_("%(name)s is set by the program."), name=name)
                raise MessageError(sentence, part="headers")
            lines.append(headers.header(name, value))
        return [*lines, "MIME-Version: 1.0"]

    def _subject(self) -> None:
        tree = parse(self.content.subject, part="subject", known_fields=self.known_fields)
        names = list(dict.fromkeys(fields_of(tree)))
        template = template_of(tree)

        @lru_cache(_REMEMBERED)
        def line(*values: str) -> bytes:
            return _subject_line(
                template.render(zip(names, map(headers.scrub, values), strict=True))
            )

        if names:
            self.lines.append((self._hole(), tuple(map(self._column, names)), line))
        else:
            self._literal(line().decode())

    def _body(self, part: str, source: str) -> None:
        tree = parse(mime.body_source(source), part=part, known_fields=self.known_fields)
        finish = _finish_html if part == "html" else _finish_text
        bases = {name: finish(url) for name, url in self.bases.items()}
        body_pieces = pieces(tree)
        if body_pieces is None:
            self._dynamic(tree, finish, bases)
        for piece in body_pieces or ():
            if isinstance(piece, str):
                self._literal(mime.quoted(piece))
            elif piece.field in URL_FIELDS:
                self._literal(bases[piece.field])
                self.tokens[piece.field].append(self._hole())
            else:
                self._column(piece.field)
                self.slots.setdefault((piece, finish), []).append(self._hole())

    def _dynamic(self, tree: Template, finish: _Finish, bases: dict[str, str]) -> None:
        """Write a body with conditions, rendered for each subscriber; its literals are encoded
        already.
        """
        columns = {name: self._column(name) for name in fields_of(tree)}
        template = template_of(tree, finish, mime.quoted)

        def octets(values: Sequence[str], links: tuple[str, str]) -> bytes:
            context: dict[str, str] = {name: values[at] for name, at in columns.items()}
            for (name, base), token in zip(bases.items(), links, strict=True):
                context[name] = _Wire(base + mime.quoted(token))
            return template.render(context).encode()

        self.renders.append((self._hole(), octets))

    def _column(self, name: str) -> int:
        if name not in self.fields:
            self.fields.append(name)
        return self.fields.index(name)

    def _literal(self, text: str) -> None:
        self.parts[-1] += text.encode()

    def _hole(self) -> int:
        """Reserve a part filled for each subscriber; literals continue behind it."""
        self.parts += [b"", b""]
        return len(self.parts) - 2
