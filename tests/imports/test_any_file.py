"""Random files over random states of people: no status rises, no block falls, nothing is sent."""

from __future__ import annotations

from datetime import datetime

import hypothesis
import sqlalchemy as sa
from hypothesis import strategies as st

from listmgr.consent.anchor import broken_chains
from listmgr.consent.ledger import lock_consent, record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.imports.plan import Update
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import Notice
from listmgr.operators.accounts import create_operator
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.conftest import empty
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)
from tests.imports.conftest import EVIDENCE, Bench

NAMES = ("anna", "bert", "cora")
STATES = (
    *("stranger", "known", "pending", "confirmed", "withdrawn", "refused", "expired"),
    *("suppressed", "restricted", "restricted pending", "suppressed confirmed", "captured"),
)
SPELLINGS = ("{}@example.org", "{}@EXAMPLE.org", " {}@example.org. ")
# Nothing may be higher than before but what begins: a life of its own that the evidence proves.
RANK = {
    ConsentStatus.CAPTURED: 1,
    ConsentStatus.PENDING: 2,
    ConsentStatus.CONFIRMED: 3,
}


def put(tx: Transaction, name: str, state: str, notice: Notice, at: datetime) -> None:
    """Bring a person into a state the way the product does."""
    address = f"{name}@example.org"
    if state == "stranger":
        return
    subscriber = make_subscriber(tx, address, at)
    if "confirmed" in state or state == "withdrawn":
        consent = make_confirmed(tx, address, notice, at)
        if state == "withdrawn":
            facts = RequestFacts()
            withdraw(tx, consent.id, method="page", actor="subscriber", facts=facts, at=at)
    elif state in ("refused", "expired") or "pending" in state:
        consent = lock_consent(tx, make_pending(tx, address, notice, at).id)
        ends = {"refused": ConsentAction.REFUSE, "expired": ConsentAction.EXPIRE}
        if state in ends:
            record(tx, consent, ends[state], at=at, actor="subscriber")
    if "suppressed" in state:
        suppress(tx, subscriber.fingerprint, SuppressionReason.OBJECTED, at=at)
    if "restricted" in state:
        subscriber.restricted_at = at


def a_bench(uow) -> Bench:
    """An operator and a list in an empty house."""
    with uow() as tx:
        _list, _purpose, notice = make_list(tx)
        made = create_operator(
            tx, email="o@example.org", name="Otto", role="administrator", at=now()
        )
        return Bench(uow, made.id, notice)


rows = st.lists(
    st.tuples(
        st.sampled_from(SPELLINGS),
        st.sampled_from(NAMES),
        st.sampled_from(["", "active", "unsubscribed", "bounced", "pending", "dormant"]),
        st.sampled_from(["", "2026-01-02 03:04", "2027-12-31", "yesterday"]),
        st.sampled_from(["", "192.0.2.7", "x"]),
        st.sampled_from(["", "Neu"]),
    ),
    max_size=6,
)


@hypothesis.settings(
    max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    states=st.tuples(*(st.sampled_from(STATES) for _ in NAMES)),
    files=st.lists(st.tuples(rows, st.booleans(), st.sampled_from(list(Update))), max_size=2),
)
@hypothesis.example(
    states=("withdrawn", "suppressed", "restricted"),
    files=[
        (
            [
                (SPELLINGS[1], name, "active", "2026-01-02 03:04", "192.0.2.7", "Neu")
                for name in NAMES
            ],
            True,
            Update.OVERWRITE,
        )
    ],
)
def test_t08_l26_no_file_raises_anybody(superuser, uow, jobs, states, files):
    empty(superuser)
    bench = a_bench(uow)
    with uow() as tx:
        for name, state in zip(NAMES, states, strict=True):
            if state == "captured":
                continue
            put(tx, name, state, bench.notice, now())
    for name, state in zip(NAMES, states, strict=True):
        if state == "captured":
            bench.take_in(f"email\n{name}@example.org\n")
    jobs.clear()
    for told, confirm, update in files:
        before = _state(uow)
        content = "email,status,confirmed at,ip,first name\n" + "".join(
            f"{spelling.format(name)},{status},{at},{ip},{first}\n"
            for spelling, name, status, at, ip, first in told
        )
        evidence = EVIDENCE if confirm else {}
        bench.take_in(content, update=update, **evidence)
        _nobody_rose(before, _state(uow), evidence=confirm)
    assert {job.name for job in jobs} <= {"work_import"}
    with uow() as tx:
        assert broken_chains(tx) == []


def _state(uow):
    with uow() as tx:
        session = tx.session
        return {
            "consents": {
                one.id: (one.subscriber_id, one.status, one.source.value)
                for one in session.scalars(sa.select(Consent))
            },
            "restricted": {
                one.id: (one.first_name, one.company, one.tags, one.language)
                for one in session.scalars(
                    sa.select(Subscriber).where(Subscriber.restricted_at.is_not(None))
                )
            },
            "blocks": set(
                session.scalars(sa.text("SELECT id FROM suppressions WHERE lifted_at IS NULL"))
            ),
            "blocked": set(
                session.scalars(
                    sa.text(
                        "SELECT s.id FROM subscribers s JOIN suppressions x"
                        " ON x.fingerprint = s.fingerprint AND x.lifted_at IS NULL"
                    )
                )
            ),
            "service_mails": session.scalar(sa.text("SELECT count(*) FROM service_mails")),
        }


def _nobody_rose(before, after, *, evidence: bool) -> None:
    for consent_id, (_who, status, _source) in before["consents"].items():
        now_ = after["consents"][consent_id][1]
        assert RANK.get(now_, 0) <= RANK.get(status, 0)
    begun = {k: v for k, v in after["consents"].items() if k not in before["consents"]}
    had = {who for who, _status, _source in before["consents"].values()}
    for who, status, source in begun.values():
        assert source == "import"
        assert status in {ConsentStatus.CAPTURED, ConsentStatus.CONFIRMED, ConsentStatus.WITHDRAWN}
        if status is ConsentStatus.CONFIRMED:
            assert evidence
            assert who not in had
            assert who not in before["blocked"]
        assert who not in before["restricted"]
        assert who not in before["blocked"]
    assert after["restricted"] == before["restricted"]
    assert before["blocks"] <= after["blocks"]
    assert after["service_mails"] == before["service_mails"]
