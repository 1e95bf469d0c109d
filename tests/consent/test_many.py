"""Many consents moved at once: the same chain, the same refusals, few statements."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus, ForbiddenTransition
from listmgr.consent.models import Consent, ConsentEvidence
from listmgr.consent.proof import proof, verify
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
)


def test_many_are_moved_by_as_few_statements_as_few(uow, engine):
    with uow() as tx:
        _, _, notice = make_list(tx)
        few = [make_confirmed(tx, f"a{n}@example.org", notice, NOW) for n in range(2)]
        many = [make_confirmed(tx, f"b{n}@example.org", notice, NOW) for n in range(40)]

    def statements(consents: list[Consent]) -> int:
        seen = []
        with uow() as tx:
            held = [tx.session.get_one(Consent, consent.id) for consent in consents]
            tx.session.flush()
            note = lambda *told: seen.append(told[2])  # noqa: E731 - taken off again below
            sa.event.listen(engine, "before_cursor_execute", note)
            acts = [
                LedgerChange(consent, NOW, {"how": "letter"}, {"said": "stop"}) for consent in held
            ]
            record_changes(tx, acts, ConsentAction.WITHDRAW, actor="operator:1")
            sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(many) == statements(few) > 0


def test_each_keeps_a_chain_that_holds_and_its_own_evidence(uow, session):
    with uow() as tx:
        _, _, notice = make_list(tx)
        consents = [make_confirmed(tx, f"c{n}@example.org", notice, NOW) for n in range(5)]
        acts = [
            LedgerChange(consent, NOW, {"how": "letter"}, {"said": f"stop {number}"})
            for number, consent in enumerate(consents)
        ]
        record_changes(tx, acts, ConsentAction.WITHDRAW, actor="operator:1")
    for number, consent in enumerate(consents):
        found = session.get_one(Consent, consent.id)
        assert found.status is ConsentStatus.WITHDRAWN
        assert found.ended_at == NOW
        last = found.events[-1]
        assert (last.seq, last.previous) == (found.version, found.events[-2].hash)
        evidence = session.get_one(ConsentEvidence, last.id)
        assert f"stop {number}" in evidence.content
        assert verify(proof(session, consent.id)) == found.version


def test_one_that_may_not_go_there_holds_all_back(uow, session):
    with uow() as tx:
        _, _, notice = make_list(tx)
        confirmed = make_confirmed(tx, "d@example.org", notice, NOW)
        pending = make_pending(tx, "e@example.org", notice, NOW)
    with pytest.raises(ForbiddenTransition), uow() as tx:
        held = [tx.session.get_one(Consent, c.id) for c in (pending, confirmed)]
        record_changes(
            tx, [LedgerChange(c, NOW) for c in held], ConsentAction.REFUSE, actor="subscriber"
        )
    assert session.get_one(Consent, pending.id).status is ConsentStatus.PENDING


def test_nobody_is_nothing_to_do(uow):
    with uow() as tx:
        record_changes(tx, [], ConsentAction.WITHDRAW, actor="subscriber")
