# ruff: noqa: F401
"""Public pages for subscribers: no sign-in, cookie, script or third-party request."""

from __future__ import annotations

# A view adds its routes to the blueprint when it is imported.
import listmgr.web.public.change_address
import listmgr.web.public.confirmation
import listmgr.web.public.home
import listmgr.web.public.my_data
import listmgr.web.public.signup
import listmgr.web.public.unsubscribe
from listmgr.web.public.blueprint import bp

__all__ = ["bp"]
