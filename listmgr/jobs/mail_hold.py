"""Whether mailing waits for an administrator; then no job sends anything."""

from __future__ import annotations

from listmgr.context import services
from listmgr.kit.installation_state import is_held


def mail_is_on_hold() -> bool:
    """Whether the installation is on hold now."""
    with services().unit_of_work() as tx:
        return is_held(tx.session)
