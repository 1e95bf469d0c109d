"""A campaign for a segment: counted, cut, sent and tried again for those alone who fit then."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.campaigns.audience import audience
from listmgr.campaigns.models import Campaign
from listmgr.consent.gate import count_mailable
from listmgr.delivery.launch import launch
from listmgr.delivery.leases import claim, close
from listmgr.delivery.models import partition_name
from listmgr.delivery.reports.progress import progress
from listmgr.delivery.reports.undelivered import held_back
from listmgr.delivery.window import due_window, next_window
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Role
from listmgr.schema import resource
from listmgr.search import reach as reaching
from listmgr.search.reach import (
    Reach,
    reach,
)
from listmgr.segments import edit
from listmgr.segments.rules import BrokenRule, Group, Rule
from listmgr.segments.sql import predicate
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW
from tests.factories import make_list
from tests.many_subscribers import make_crowd

FRIENDS = Group("all", (Rule("tag", "has", "friend"),))
GONE = Group("any", (Rule("tag", "has", "gone"),))


@pytest.fixture
def made(uow, superuser) -> tuple[int, int, int]:
    """A purpose of forty people, every second a friend, every fourth gone; two segments."""
    with uow() as tx:
        notice = make_list(tx)[2]
    make_crowd(superuser, notice.id, 40, 0)
    with uow() as tx:
        tx.session.execute(
            sa.text(
                "UPDATE subscribers SET tags = CASE WHEN id % 4 = 0 THEN '{friend,gone}'::text[]"
                " WHEN id % 2 = 0 THEN '{friend}' ELSE '{}' END"
            )
        )
        who = create_operator(tx, email="o@example.org", name="O", role="sales", at=NOW).id
        ids = [
            edit.create(tx, name, tree, role=Role.MARKETER, operator_id=who, at=NOW).id
            for name, tree in (("friends", FRIENDS), ("gone", GONE))
        ]
    return notice.purpose_id, ids[0], ids[1]


def draft(tx, made, **more) -> Campaign:
    purpose_id, friends, gone = made
    told = {"audience_segment_id": friends, "exclusion_segment_id": gone} | more
    words = compose.Draft("Mai", purpose_id, "Neues im Mai", body="Guten Tag!", **told)
    return compose.create(tx, words, operator_id=None, at=NOW)


def launched(tx, made, size: int = 3) -> Campaign:
    campaign = draft(tx, made)
    tx.settings = replace(tx.settings, lease_size=size)
    return launch(tx, campaign.id, templates=resource("templates"), at=NOW)


def windows(tx, campaign, size: int = 2) -> list[int]:
    """Go through all of it; whom it writes down, window by window."""
    seen: list[int] = []
    among = audience(tx.session, campaign)
    while (lease := claim(tx, campaign.id, "me")) is not None:
        while lease.position < lease.hi:
            window = next_window(tx, lease, campaign.purpose_id, (), size, among)
            assert window is not None
            # Within a window they come as the statement wrote them.
            seen += sorted(person.subscriber_id for person in window.recipients)
        tx.session.execute(
            sa.text("UPDATE campaign_leases SET state = 'done' WHERE lo = :lo"), {"lo": lease.lo}
        )
    return seen


def test_t13_the_audience_is_who_fits_when_the_mail_goes(uow, made):
    with uow() as tx:
        campaign = launched(tx, made)
        assert progress(tx.session, campaign.id).audience == 10
    with uow() as tx:
        campaign = tx.session.get_one(Campaign, campaign.id)
        tx.session.get_one(Subscriber, 2).tags = []
        tx.session.get_one(Subscriber, 3).tags = ["friend"]
        tx.session.flush()
        assert windows(tx, campaign) == [3, *range(6, 41, 4)]


def test_without_a_segment_everybody_is_written_to(uow, made):
    with uow() as tx:
        campaign = draft(tx, made, audience_segment_id=None, exclusion_segment_id=None)
        launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        assert campaign.frozen_rule is None
        assert windows(tx, campaign) == list(range(1, 41))


def test_only_an_exclusion_leaves_out_who_is_in_it(uow, made):
    with uow() as tx:
        campaign = draft(tx, made, audience_segment_id=None)
        launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        assert windows(tx, campaign) == [one for one in range(1, 41) if one % 4]


def test_a_launch_freezes_the_rule_and_editing_changes_nothing(uow, made):
    with uow() as tx:
        campaign = launched(tx, made)
    with uow() as tx:
        everybody = Group("all", (Rule("tag", "has_not", "nothing"),))
        edit.save(tx, made[1], "friends", everybody, revision=1, role=Role.MARKETER, at=NOW)
        assert len(windows(tx, tx.session.get_one(Campaign, campaign.id))) == 10


def test_who_has_left_the_segment_is_not_tried_again(uow, made):
    with uow() as tx:
        campaign = launched(tx, made)
        people = windows(tx, campaign)
        tx.session.execute(
            sa.text(
                f"UPDATE {partition_name(campaign.id)}"
                " SET status = 'deferred', next_attempt_at = :at"
            ),
            {"at": NOW},
        )
        tx.session.get_one(Subscriber, 2).tags = []
        tx.session.flush()
        told = {"size": 100, "among": audience(tx.session, campaign)}
        again = due_window(tx, campaign.id, campaign.purpose_id, (), **told)
        assert sorted(one.subscriber_id for one in again.recipients) == people[1:]
        why = tx.session.scalar(
            sa.text(
                f"SELECT failure_code FROM {partition_name(campaign.id)} WHERE subscriber_id = 2"
            )
        )
        assert why == "not_in_segment"


def test_people_outside_the_segment_are_not_called_held_back(uow, made):
    with uow() as tx:
        campaign = launched(tx, made)
        tx.session.execute(sa.text("UPDATE subscribers SET restricted_at = now() WHERE id < 9"))
        tx.session.execute(sa.text("UPDATE consents SET confirmed_at = :at"), {"at": NOW})
        found = held_back(tx.session, tx.settings, campaign)
        assert [row.subscriber_id for row in found.rows] == [2, 6]


def test_a_segment_in_use_is_not_deleted(uow, made):
    with uow() as tx:
        campaign = draft(tx, made)
        with pytest.raises(Refused, match="used by campaigns"):
            edit.delete(tx, made[1])
        [use] = edit.uses(tx.session, made[1])
        assert (use.campaign_id, use.needs_it) == (campaign.id, True)
        launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        with pytest.raises(Refused):
            edit.delete(tx, made[2])
        campaign.status = "cancelled"
        tx.session.flush()
        edit.delete(tx, made[1])
        tx.session.refresh(campaign)
        assert campaign.audience_segment_id is None
        assert campaign.frozen_rule is not None


def test_nobody_in_the_segment_blocks_the_launch(uow, made):
    with uow() as tx:
        nobody = edit.create(
            tx,
            "nobody",
            Group("all", (Rule("tag", "has", "x"),)),
            role=Role.MARKETER,
            operator_id=1,
            at=NOW,
        )
        campaign = draft(tx, made, audience_segment_id=nobody.id)
        with pytest.raises(InvalidInput, match="Nobody in the segment"):
            launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        campaign.audience_segment_id = made[1]
        segment = tx.session.get_one(edit.Segment, made[1])
        segment.rule = {"group": "all", "rules": [{"what": "drop table"}]}
        tx.session.flush()
        with pytest.raises(InvalidInput, match="cannot be read"):
            launch(tx, campaign.id, templates=resource("templates"), at=NOW)
        with pytest.raises(BrokenRule):
            edit.tree_of(segment)


def test_reach_counts_few_and_samples_many(uow, made, monkeypatch):
    purpose_id, told = made[0], predicate(FRIENDS)
    with uow() as tx:
        tx.session.execute(sa.text("UPDATE subscribers SET restricted_at = now() WHERE id <= 10"))
        exact = reach(tx.session, tx.settings, purpose_id, told)
        assert exact == Reach(15, exact=True, refused={"restricted": 5})
        assert reach(tx.session, tx.settings, purpose_id).number == 30
        assert count_mailable(tx.session, tx.settings, purpose_id) == 30
        monkeypatch.setattr(reaching, "HITS", 3)
        # The sample of so few is all of them.
        sampled = reach(tx.session, tx.settings, purpose_id, told, counted=10)
        assert sampled == replace(exact, exact=False)
        monkeypatch.setattr(reaching, "HITS", 16)
        assert reach(tx.session, tx.settings, purpose_id, told, counted=10) == exact


def test_of_those_who_withdraw_meanwhile_the_segments_own_are_counted(
    made, uow, session, superuser
):
    with uow() as tx:
        campaign = launched(tx, made, 40)
    with superuser.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        # A friend and somebody else.
        for person in (2, 3):
            connection.execute(
                sa.text(
                    "UPDATE consents SET status = 'withdrawn', ended_at = now(),"
                    " confirmed_at = '2026-01-01' WHERE subscriber_id = :n"
                ),
                {"n": person},
            )
    with uow() as tx:
        lease = claim(tx, campaign.id, "me")
        assert close(tx, lease, audience(tx.session, campaign))
    assert progress(session, campaign.id).skipped == {"not_confirmed": 1}
