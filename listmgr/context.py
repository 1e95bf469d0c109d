"""Access of views and jobs to the application's services."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import redis
from flask import current_app, request

from listmgr.config import Settings
from listmgr.consent.methods import Method
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.mail import SendMail
from listmgr.kit.rows import Rows
from listmgr.kit.transaction import Transaction
from listmgr.web.language import language
from listmgr.web.security import visitor_ip


@dataclass(frozen=True, slots=True)
class Services:
    """The services an application was created with."""

    settings: Settings
    redis: redis.Redis
    post: SendMail
    unit_of_work: Callable[[], AbstractContextManager[Transaction]]
    # For pages: PostgreSQL itself refuses to write in it, so that no GET ever does.
    reading: Callable[[], AbstractContextManager[Transaction]]
    # The same for statements past the ORM.
    rows: Callable[[], AbstractContextManager[Rows]]


def services() -> Services:
    """Return the services of the running application."""
    return cast("Services", current_app.extensions["listmgr"])


def request_facts(method: Method) -> RequestFacts:
    """Return the evidence of the act in this request."""
    return RequestFacts(
        ip=visitor_ip(services().settings),
        user_agent=request.user_agent.string,
        method=method,
        language=language(),
    )
