"""The development mailbox: takes every mail on this machine, keeps it as a file, shows it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from listmgr.kit.resources import resource

KEPT = 2000
SHOWN = 100
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
# What a mail holds is a stranger's: it may show itself, and follow its links in a new tab.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One mail in the list."""

    id: str
    to: str
    subject: str
    at: float


class Store:
    """The newest mails, as files, with an index in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.entries: deque[Entry] = deque()
        self._lock = threading.Lock()
        self._last = 0
        for path in sorted(folder.glob("*.eml"))[-KEPT:]:
            self._index(path.stem, path.read_bytes())

    def keep(self, recipient: str, content: bytes) -> None:
        """Write the mail down whole, then let it be seen."""
        octets = b"X-Envelope-To: " + recipient.encode() + b"\r\n" + content
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1)
            name = str(self._last)
        draft = self.folder / f"{name}.tmp"
        draft.write_bytes(octets)
        draft.rename(self.folder / f"{name}.eml")
        with self._lock:
            self._index(name, octets)
            while len(self.entries) > KEPT:
                (self.folder / f"{self.entries.popleft().id}.eml").unlink(missing_ok=True)

    def _index(self, name: str, octets: bytes) -> None:
        head = parse(octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        to, subject = str(head["X-Envelope-To"] or ""), str(head["Subject"] or "")
        self.entries.append(Entry(name, to, subject, int(name) / 1e9))

    def find(self, words: str, to: str, limit: int) -> list[Entry]:
        """The newest mails to an address, or with words in subject or recipient."""
        with self._lock:
            newest = list(reversed(self.entries))
        words, to = words.casefold(), to.casefold()
        found = [
            entry
            for entry in newest
            if (not to or entry.to.casefold() == to)
            and (words in entry.subject.casefold() or words in entry.to.casefold())
        ]
        return found[:limit]

    def read(self, name: str) -> bytes:
        """The octets of a mail; aborts with 404 when there is none."""
        if not name.isdecimal() or not (path := self.folder / f"{name}.eml").exists():
            abort(404)
        return path.read_bytes()

    def clear(self) -> None:
        """Delete all."""
        with self._lock:
            while self.entries:
                (self.folder / f"{self.entries.popleft().id}.eml").unlink(missing_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        """Aiosmtpd hands a mail over."""
        for recipient in envelope.rcpt_tos:
            self.keep(recipient, envelope.content)
        return "250 2.0.0 kept"


def parse(octets: bytes) -> EmailMessage:
    """The mail as the library reads it."""
    message = message_from_bytes(octets, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def viewer(store: Store) -> Flask:
    """The pages of the mailbox."""
    app = Flask("listmgr-mailbox", template_folder=str(resource("templates") / "mailbox"))
    app.static_folder = str(Path(__file__).parent.parent / "static")
    app.jinja_env.filters["clock"] = lambda at: time.strftime("%H:%M:%S", time.localtime(at))

    @app.after_request
    def _secure(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @app.get("/")
    def inbox() -> str:
        words = request.args.get("q", "")
        return render_template("inbox.html", mails=store.find(words, "", SHOWN), words=words)

    @app.get("/mail/<name>")
    def mail(name: str) -> str:
        message = parse(store.read(name))
        text = message.get_body(("plain",))
        return render_template(
            "mail.html", name=name, mail=message, text=text.get_content() if text else ""
        )

    @app.get("/mail/<name>/html")
    def html(name: str) -> Response:
        part = parse(store.read(name)).get_body(("html",))
        base = '<base target="_blank">'
        response = Response(base + (part.get_content() if part else ""), mimetype="text/html")
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response

    @app.get("/mail/<name>/raw")
    def raw(name: str) -> Response:
        return Response(store.read(name), mimetype="text/plain")

    @app.post("/clear")
    def clear() -> ResponseReturnValue:
        store.clear()
        return redirect(url_for("inbox"), 303)

    @app.get("/api/messages")
    def messages() -> list[dict[str, Any]]:
        found = store.find(request.args.get("q", ""), request.args.get("to", ""), KEPT)
        return [asdict(entry) for entry in found]

    return app


def serve(folder: Path, smtp_port: int, http_port: int) -> None:
    """Run until the process is told to end."""
    os.umask(0o077)
    store = Store(folder)
    smtp = Controller(store, hostname="127.0.0.1", port=smtp_port, enable_SMTPUTF8=True)
    smtp.start()
    server = make_server("127.0.0.1", http_port, viewer(store), threaded=True)
    server.log_startup = lambda: None  # type: ignore[method-assign]
    try:
        server.serve_forever()
    finally:
        smtp.stop()
