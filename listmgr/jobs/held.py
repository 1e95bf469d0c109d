"""Whether mailing waits for an administrator: then no job sends anything."""

from __future__ import annotations

from listmgr.kit.installation import is_held
from listmgr.web.context import services


def held() -> bool:
    """Whether the installation is on hold at this moment."""
    with services().unit_of_work() as tx:
        return is_held(tx.session)
