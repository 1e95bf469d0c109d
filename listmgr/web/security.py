"""Security headers of every response, and what is known of the visitor."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from listmgr.config import Settings
from listmgr.subscribers.address import fingerprint
from listmgr.web import static_files

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

# What follows these is a key to somebody's subscriptions, or to the studio (T-21).
_SECRET_PATH = re.compile(r"(/(?:c|d|u|p|studio/sign-in|studio/first-run)/|[?&]card=)[^\s/?&\"']+")
# What operators search for may be somebody's address.
_SEARCH = re.compile(r"(/studio/(?:subscribers|bulk/new|exports/new|sign-in)\?)[^\s\"']+")


# gunicorn names the address of whoever sends what is no request.
_VISITOR = re.compile(r"(\bip=)\S+")


class NoTokens(logging.Filter):
    """Removes secrets, search terms and visitors' addresses from log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record; always let it pass."""
        message = record.getMessage()
        message = _SEARCH.sub(r"\1…", _SECRET_PATH.sub(r"\1…", message))
        message = _VISITOR.sub(r"\1…", message)
        record.msg, record.args = message, ()
        return True


def init_app(app: Flask, settings: Settings) -> None:
    """Set the headers; trust forwarded headers only from the configured number of proxies."""
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    app.wsgi_app = _any_host_may_leave(  # type: ignore[assignment,method-assign]
        app.wsgi_app, settings.host
    )
    app.after_request(_headers)
    if settings.base_url.startswith("https:"):
        app.after_request(_stay_with_https)
    names = ("werkzeug", "gunicorn.access", "gunicorn.error")
    for logger in (app.logger, *map(logging.getLogger, names)):
        if not any(isinstance(existing, NoTokens) for existing in logger.filters):
            logger.addFilter(NoTokens())


def _any_host_may_leave(application: WSGIApplication, host: str) -> WSGIApplication:
    """Accept one-click requests under any Host a relay sends: only the token counts.

    Nothing of that name is used; for every other request an unknown host is refused.
    """

    def with_own_host(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith("/u/"):
            environ["HTTP_HOST"] = host
        return application(environ, start_response)

    return with_own_host


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Links carry secrets: they go neither to other sites, nor to caches, nor to search (T-21).
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    # Forms are embedded in other sites; nothing of the studio is anybody else's.
    inside = request.blueprint == "studio"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin" if inside else "cross-origin"
    if request.endpoint not in static_files.ENDPOINTS or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _stay_with_https(response: Response) -> Response:
    # RFC 6797. Other names beneath this one are not ours to decide about.
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def network_key(settings: Settings) -> str:
    """Return the keyed fingerprint of the visitor's network, for counters: Valkey stores no
    address.
    """
    network = network_of(request.remote_addr or "")
    return fingerprint(settings.suppression_key, network).hex()[:32]


def visitor_ip(settings: Settings) -> str:
    """Return the visitor's address as far as the settings allow to store it."""
    address = request.remote_addr or ""
    if settings.ip_storage == "off" or not address:
        return ""
    if settings.ip_storage == "full":
        return address
    return network_of(address)


def network_of(visitor: str) -> str:
    """Return the /24 or /48 network of an address, which limits count by."""
    try:
        address = ipaddress.ip_address(visitor)
    except ValueError:
        return ""
    width = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{width}", strict=False).network_address)
