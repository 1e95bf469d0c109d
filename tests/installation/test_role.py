"""F13: the application's role, which owns no table, can hold mail, and keep and adopt."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from listmgr.installation.adopt import adopt
from listmgr.installation.identity import verify_database
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.clock import now
from listmgr.kit.errors import IdentityError
from listmgr.kit.installation_state import (
    HoldReason,
    Installation,
)
from tests.factories import (
    make_confirmed,
    make_list,
)


def test_f13_the_applications_role_has_the_rights_it_needs(engine, uow, settings, session):
    verify_database(settings)
    with uow() as tx:
        make_confirmed(tx, "a@example.org", make_list(tx)[2], now())
        tx.session.execute(sa.text("UPDATE subscribers SET restricted_at = now()"))
    assert JournalWriter(engine, settings).keep() == 1
    with uow() as tx:
        tx.session.execute(sa.update(Installation).values(place="elsewhere"))
    verify_database(settings)
    assert session.scalars(sa.select(Installation.held_because)).one() is HoldReason.ELSEWHERE
    lost = replace(settings, suppression_key=b"another".ljust(40, b"."))
    with pytest.raises(IdentityError):
        verify_database(lost)
    assert adopt(lost)
    verify_database(lost)
