"""The development mailbox: accepts every mail on this machine, stores it as a file, shows it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

from listmgr.kit.paths import resource
from listmgr.runtime.mail_parsing import (
    envelope_and_subject,
    read_mail,
    with_envelope,
)
from listmgr.web import language

# So many mails of campaigns are kept, and so many of all others: a campaign to many people must
# not push out the confirmation and test mails somebody is looking for.
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
    is_campaign: bool
    at: float


class Store:
    """The newest campaign mails and the newest other mails, as files with an index in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.campaign_mails: deque[Entry] = deque()
        self.other_mails: deque[Entry] = deque()
        # How many had to go since all were deleted; a restart does not forget it.
        self._count = folder / "dropped"
        self._lock = threading.Lock()
        self._last = 0
        for draft in folder.glob("*.tmp"):
            draft.unlink()
        for path in sorted(folder.glob("*.eml")):
            self._index(path.stem, path.read_bytes())
        self._forget_the_oldest()

    def keep(self, recipient: str, content: bytes) -> None:
        """Write the mail completely before it becomes visible."""
        octets = with_envelope(recipient, content)
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1)
            name = str(self._last)
        draft = self.folder / f"{name}.tmp"
        draft.write_bytes(octets)
        draft.rename(self.folder / f"{name}.eml")
        with self._lock:
            self._index(name, octets)
            self._forget_the_oldest()

    def _index(self, name: str, octets: bytes) -> None:
        entry = Entry(name, *envelope_and_subject(octets), int(name) / 1e9)
        (self.campaign_mails if entry.is_campaign else self.other_mails).append(entry)

    def _forget_the_oldest(self, kept: int = KEPT) -> None:
        dropped = 0
        for mails in (self.campaign_mails, self.other_mails):
            while len(mails) > kept:
                (self.folder / f"{mails.popleft().id}.eml").unlink(missing_ok=True)
                dropped += 1
        if dropped:
            self._count.write_text(str(self.dropped + dropped))

    @property
    def dropped(self) -> int:
        """How many older mails were deleted."""
        try:
            return int(self._count.read_text())
        except (OSError, ValueError):
            return 0

    def find(self, words: str, to: str, limit: int) -> list[Entry]:
        """Return the newest mails to an address, or with words in subject or recipient."""
        with self._lock:
            mails = [*self.campaign_mails, *self.other_mails]
        newest = sorted(mails, key=lambda entry: entry.at, reverse=True)
        words, to = words.casefold(), to.casefold()
        entries = [
            entry
            for entry in newest
            if (not to or entry.to.casefold() == to)
            and (words in entry.subject.casefold() or words in entry.to.casefold())
        ]
        return entries[:limit]

    def read(self, name: str) -> bytes:
        """Return a mail's bytes; abort with 404 if there is none."""
        # Names are our own clock's digits: nothing else gets near the file system.
        path = self.folder / f"{name}.eml"
        if not (name.isascii() and name.isdecimal() and len(name) < 30 and path.exists()):
            abort(404)
        return path.read_bytes()

    def clear(self) -> None:
        """Delete all mails."""
        with self._lock:
            self._forget_the_oldest(kept=0)
            self._count.unlink(missing_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        """Accept a mail from aiosmtpd."""
        for recipient in envelope.rcpt_tos:
            self.keep(recipient, envelope.content)
        return "250 2.0.0 kept"


def viewer(store: Store) -> Flask:
    """Return the application with the mailbox's pages."""
    app = Flask("listmgr-mailbox", template_folder=str(resource("templates") / "mailbox"))
    # Another site's page may not read links out of here by a name that points to this machine.
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.static_folder = str(Path(__file__).parent.parent / "static")
    language.init_app(app)
    app.jinja_env.filters["clock"] = lambda at: time.strftime("%H:%M:%S", time.localtime(at))

    app.before_request(_refuse_other_sites)
    app.after_request(_secure)

    @app.get("/")
    def inbox() -> str:
        words = request.args.get("q", "")
        mails = store.find(words, "", SHOWN)
        return render_template(
            "inbox.html", mails=mails, words=words, dropped=store.dropped, kept=KEPT
        )

    @app.get("/mail/<name>")
    def mail(name: str) -> str:
        return render_template("mail.html", name=name, mail=read_mail(store.read(name)))

    @app.get("/mail/<name>/html")
    def html(name: str) -> Response:
        base = '<base target="_blank">'
        response = Response(base + read_mail(store.read(name)).html, mimetype="text/html")
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
        entries = store.find(request.args.get("q", ""), request.args.get("to", ""), 2 * KEPT)
        return [asdict(entry) for entry in entries]

    return app


def _refuse_other_sites() -> None:
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") == "cross-site":
        abort(403)


def _secure(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


class _Silent(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Log nothing: searches contain addresses."""


def serve(folder: Path, smtp_port: int, http_port: int) -> None:
    """Run until KeyboardInterrupt. Raises OSError if a port or the folder is unusable."""
    os.umask(0o077)
    store = Store(folder)
    smtp = Controller(store, hostname="127.0.0.1", port=smtp_port, enable_SMTPUTF8=True)
    smtp.start()
    try:
        make_server(
            "127.0.0.1", http_port, viewer(store), threaded=True, request_handler=_Silent
        ).serve_forever()
    finally:
        smtp.stop()
