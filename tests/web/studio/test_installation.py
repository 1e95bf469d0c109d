"""F13: the studio says that mail is held, and an administrator lets it go on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.kit.clock import now
from listmgr.kit.installation_state import (
    HoldReason,
    Installation,
    is_held,
)


@pytest.fixture
def held(uow) -> None:
    with uow() as tx:
        tx.session.add(
            Installation(
                id="one",
                secret_keys=[],
                suppression_key="",
                anchor_key="",
                place="",
                held_at=now(),
                held_because=HoldReason.ELSEWHERE,
            )
        )


@pytest.mark.parametrize("role", ["marketer", "privacy", "auditor"])
def test_f13_everybody_is_told_and_only_an_administrator_decides(held, desk, role):
    at = desk(role)
    page = at.get("/studio/").text
    assert "Mailing is on hold" in page
    assert "it has been restored, copied or moved" in page
    assert "An administrator decides" in page
    assert "/studio/installation/go-on" not in page
    assert at.post("/studio/installation/go-on").status_code == 403


def test_f13_an_administrator_lets_mail_go_on_and_it_is_written_down(held, admin, session):
    assert "resume mailing</button>" in admin.get("/studio/").text
    assert is_held(session)
    session.rollback()
    assert admin.post("/studio/installation/go-on").status_code == 303
    assert not is_held(session)
    entry = session.execute(
        sa.text(
            "SELECT operator_id IS NOT NULL, details->>'because' FROM audit_entries"
            " WHERE action = 'installation.released'"
        )
    ).one()
    assert tuple(entry) == (True, "elsewhere")
    session.rollback()
    page = admin.get("/studio/").text
    assert "Mailing is on hold" not in page
    assert "Campaigns stay paused until you resume them" in page
    # A second press, as of somebody whose page is older, changes nothing.
    admin.post("/studio/installation/go-on")
    count = "SELECT count(*) FROM audit_entries WHERE action = 'installation.released'"
    assert session.scalar(sa.text(count)) == 1
