"""The blueprint of the studio, to which every view module adds its routes."""

from __future__ import annotations

from listmgr.web.studio import errors, navigation
from listmgr.web.studio.guard import GuardedBlueprint, enforce

bp = GuardedBlueprint("studio", __name__, url_prefix="/studio")
bp.before_request(enforce)
bp.context_processor(navigation.names)
errors.init_app(bp)
