"""Stylesheets, scripts and pictures: named by their content, kept by browsers, compressed once.

Links carry a fingerprint (`/static/studio.css?v=…`), so browsers keep a file for a year without
asking, and a new version has a new link (RFC 8246).
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from werkzeug.security import safe_join

ENDPOINTS = frozenset({"static", "bootstrap.static"})
# Of the 28 MB that come with Bootstrap-Flask our pages load one file.
_BOOTSTRAP = "css/bootstrap.min.css"
_PARAMETER = "v"
_FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is answered; `gzipped` is empty where compression gains nothing."""

    content: bytes
    gzipped: bytes
    media_type: str
    fingerprint: str


@cache
def _read(path: str) -> StaticFile | None:
    """Read and compress a file once a process, at its first use; None where there is none."""
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    gzipped = gzip.compress(content, 9, mtime=0)
    return StaticFile(
        content,
        gzipped if len(gzipped) < len(content) else b"",
        mimetypes.guess_type(path)[0] or "application/octet-stream",
        hashlib.sha256(content).hexdigest()[:16],
    )


def init_app(app: Flask) -> None:
    """Put fingerprints into links, and answer files compressed; after Bootstrap-Flask."""
    folders = {
        "static": str(app.static_folder),
        "bootstrap.static": str(app.blueprints["bootstrap"].static_folder),
    }

    def find(endpoint: str, filename: str) -> StaticFile | None:
        if endpoint == "bootstrap.static" and filename != _BOOTSTRAP:
            return None
        path = safe_join(folders[endpoint], filename)
        return None if path is None else _read(path)

    def add_fingerprint(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint in ENDPOINTS and (file := find(endpoint, values.get("filename", ""))):
            values[_PARAMETER] = file.fingerprint

    app.url_defaults(add_fingerprint)
    for endpoint in ENDPOINTS:
        app.view_functions[endpoint] = _view(endpoint, find)


def _view(
    endpoint: str, find: Callable[[str, str], StaticFile | None]
) -> Callable[[str], Response]:
    def serve(filename: str) -> Response:
        file = find(endpoint, filename)
        if file is None:
            abort(404)
        return _answer(file)

    return serve


def _answer(file: StaticFile) -> Response:
    compressed = file.gzipped and request.accept_encodings.quality("gzip") > 0
    response = Response(file.gzipped if compressed else file.content, mimetype=file.media_type)
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    # Each encoding is a representation of its own (RFC 9110, 8.8.3.3).
    response.set_etag(file.fingerprint + ("-gzip" if compressed else ""))
    # A link of another version is answered with the present file, which nobody may keep for it.
    named = request.args.get(_PARAMETER) == file.fingerprint
    response.headers["Cache-Control"] = _FOR_A_YEAR if named else "no-cache"
    response.make_conditional(request)
    return response
