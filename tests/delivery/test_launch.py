"""What keeps a campaign from starting, what the launch freezes, previews and test mails."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.campaigns.models import CampaignContent
from listmgr.config import Settings
from listmgr.delivery.launch import launch, validate_launch
from listmgr.delivery.preview import (
    preview,
    send_test,
)
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.tokens import TokenPurpose, open_token
from listmgr.lists.models import MailingList, Notice
from listmgr.operators.models import Operator, Role
from tests.conftest import NOW, UnitOfWork
from tests.delivery.conftest import TEMPLATES
from tests.sink import Sink


def test_l22_no_imprint_no_start(uow: UnitOfWork, notice: Notice, people: list[int]):
    with uow() as tx:
        tx.session.execute(sa.update(MailingList).values(imprint=" "))
        draft = compose.Draft("x", notice.purpose_id, "x", body="x")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
    with pytest.raises(InvalidInput, match="imprint"), uow() as tx:
        launch(tx, campaign.id, templates=TEMPLATES, at=NOW)


def test_a_field_that_does_not_exist_keeps_it_from_starting(
    uow: UnitOfWork, settings: Settings, notice: Notice, people: list[int]
):
    with uow() as tx:
        draft = compose.Draft("x", notice.purpose_id, "x", body="Hallo {{ frist_name }}")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        found = validate_launch(tx.session, settings, campaign, TEMPLATES)
    assert [f.message for f in found if f.blocks]
    assert "first_name" in found[0].message


def test_content_is_frozen_by_the_launch(launched: int, uow: UnitOfWork, superuser: sa.Engine):
    with pytest.raises(Refused, match="no longer be edited"), uow() as tx:
        compose.save(tx, launched, compose.Draft("x", 1, "y"), revision=1)
    frozen = pytest.raises(sa.exc.IntegrityError, match="append-only")
    with frozen, superuser.begin() as connection:
        connection.execute(sa.update(CampaignContent).values(subject="other"))
    with pytest.raises(Refused), uow() as tx:
        launch(tx, launched, templates=TEMPLATES, at=NOW)


def test_t26_a_test_mail_carries_nobodys_token(
    uow: UnitOfWork, settings: Settings, notice: Notice, sink: Sink, people: list[int]
):
    with uow() as tx:
        operator = Operator(
            email="eva@example.org", name="Eva Muster", password_hash="", role=Role.MARKETER
        )
        tx.session.add(operator)
        draft = compose.Draft("x", notice.purpose_id, "Für {{ first_name }}", body="x")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        send_test(tx.session, settings, campaign, TEMPLATES, operator.id, at=NOW)
        with pytest.raises(Refused, match="account"):
            send_test(tx.session, settings, campaign, TEMPLATES, 999, at=NOW)
    (mail,) = sink.to("eva@example.org")
    assert mail["Subject"] == "Für Eva"
    token = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert open_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, token) == [campaign.id, 0]


def test_a_preview_shows_an_invented_person(
    uow: UnitOfWork, settings: Settings, notice: Notice, people: list[int]
):
    with uow() as tx:
        draft = compose.Draft("x", notice.purpose_id, "{{ first_name }}", body="**{{ company }}**")
        campaign = compose.create(tx, draft, operator_id=None, at=NOW)
        shown = preview(settings, campaign, TEMPLATES, at=NOW)
        empty = preview(settings, campaign, TEMPLATES, at=NOW, sample={"company": ""})
    assert shown.subject == "Änne"
    assert "<strong>Beispiel GmbH</strong>" in shown.html
    assert "<strong></strong>" in empty.html


def test_w10_who_only_names_a_table_does_not_load_the_launch():
    modules = (
        "leases",
        "outcomes",
        "reports.progress",
        "reports.retry_estimate",
        "reports.undelivered",
        "retention",
        "sweep",
        "window",
    )
    load = "; ".join(f"import listmgr.delivery.{name}" for name in modules)
    check_loaded = "import sys; sys.exit('listmgr.delivery.launch' in sys.modules)"
    subprocess.run([sys.executable, "-c", f"{load}; {check_loaded}"], check=True)
