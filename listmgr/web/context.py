"""How views and jobs reach what the application was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, request

from listmgr.consent.facts import RequestFacts
from listmgr.web.language import language
from listmgr.web.security import visitor_ip

if TYPE_CHECKING:
    from listmgr.app import Services


def services() -> Services:
    """The services of the running application."""
    return cast("Services", current_app.extensions["listmgr"])


def request_facts(method: str) -> RequestFacts:
    """The evidence of the act this request carries."""
    return RequestFacts(
        ip=visitor_ip(services().settings),
        user_agent=request.user_agent.string,
        method=method,
        language=language(),
    )
