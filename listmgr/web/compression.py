"""Compression of the studio's pages, where nobody else can choose what is compressed.

The length of a compressed page tells whether what a stranger put into its request stands in it a
second time: a token, an address (BREACH, 2013). Only what a page of ours asks for is compressed;
browsers say so in Sec-Fetch-Site (W3C Fetch Metadata) and let no page forge it. See decision 0089.
"""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

# Octets a server may send at once (RFC 6928: ten segments): a shorter page is not faster for less.
_LEAST = 14_000
# Octets of chance, so that one length more or less tells nothing (as Django does since 4.2).
_PADDING = 100


def init_app(app: Flask) -> None:
    """Compress long pages of the studio."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if request.blueprint != "studio" or response.mimetype != "text/html":
        return response
    response.vary.update(("Accept-Encoding", "Sec-Fetch-Site"))
    if (
        response.is_streamed
        or request.headers.get("Sec-Fetch-Site") != "same-origin"
        or request.accept_encodings.quality("gzip") <= 0
        or (response.content_length or 0) < _LEAST
    ):
        return response
    response.set_data(_gzip(response.get_data()))
    response.headers["Content-Encoding"] = "gzip"
    return response


def _gzip(content: bytes) -> bytes:
    padding = "x" * secrets.randbelow(_PADDING + 1)
    out = io.BytesIO()
    with gzip.GzipFile(padding, "wb", 5, out, mtime=0) as file:
        file.write(content)
    return out.getvalue()
