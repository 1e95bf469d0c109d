"""Files that go with a campaign: what may, how much, and that a launch fixes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose
from listmgr.campaigns.files import MAX_ALL, MAX_FILE, add_file, copy_files, files_of, remove_file
from listmgr.campaigns.models import CampaignContent, CampaignFile
from listmgr.config import Settings
from listmgr.delivery.launch import launch
from listmgr.delivery.preview import preview
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.schema import resource
from tests.conftest import UnitOfWork
from tests.factories import (
    make_confirmed,
    make_list,
)

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def campaign_id(uow: UnitOfWork) -> int:
    with uow() as tx:
        _, purpose, notice = make_list(tx)
        make_confirmed(tx, "anna@example.com", notice, AT)
        draft = compose.Draft("Mai", purpose.id, "Neues", body="![Wir](cid:logo.png)")
        return compose.create(tx, draft, operator_id=None, at=AT).id


def test_files_are_kept_in_order_and_one_of_the_same_name_is_replaced(
    campaign_id: int, uow: UnitOfWork
):
    with uow() as tx:
        add_file(tx, campaign_id, "C:\\Bilder\\logo.png", PNG)
        add_file(tx, campaign_id, "Preise Mai.txt", b"alt")
        add_file(tx, campaign_id, "Preise Mai.txt", "größer".encode())
        found = files_of(tx.session, campaign_id, whole=True)
        assert [(one.name, one.media_type) for one in found] == [
            ("logo.png", "image/png"),
            ("Preise-Mai.txt", "text/plain"),
        ]
        assert found[1].data.decode() == "größer"
        remove_file(tx, campaign_id, found[0].id)
        assert [one.name for one in files_of(tx.session, campaign_id)] == ["Preise-Mai.txt"]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("run.exe", b"MZ", "cannot be sent by mail"),
        ("logo.svg", b"<svg/>", "cannot be sent by mail"),
        ("logo.png", b"<script>", "not what its ending says"),
        ("words.txt", b"\xff\xfe", "not what its ending says"),
        ("logo.png", b"", "is empty"),
        ("logo.png", PNG + b"\0" * MAX_FILE, "larger than 2 MB"),
        ("a\r\nb.png", PNG, ""),
        ("a\x1bb.png", PNG, "name that cannot stand"),
        (" ", PNG, "name that cannot stand"),
        ("a" * 200 + ".png", PNG, "longer than 100"),
    ],
)
def test_t17_what_may_not_go_with_a_mail_is_told(
    campaign_id: int, uow: UnitOfWork, name: str, data: bytes, told: str
):
    with uow() as tx:
        if told:
            with pytest.raises(InvalidInput, match=told):
                add_file(tx, campaign_id, name, data)
        else:
            assert add_file(tx, campaign_id, name, data).name == "a-b.png"


def test_all_together_may_not_weigh_too_much(campaign_id: int, uow: UnitOfWork):
    with uow() as tx:
        for number in range(MAX_ALL // MAX_FILE):
            add_file(tx, campaign_id, f"{number}.txt", b"x" * MAX_FILE)
        with pytest.raises(InvalidInput, match="larger than 5 MB"):
            add_file(tx, campaign_id, "more.txt", b"x" * MAX_FILE)


def test_ten_are_the_most(campaign_id: int, uow: UnitOfWork):
    with uow() as tx:
        for number in range(10):
            add_file(tx, campaign_id, f"{number}.txt", b"x")
        with pytest.raises(InvalidInput, match="ten files"):
            add_file(tx, campaign_id, "more.txt", b"x")


def test_a_launch_fixes_the_files_and_their_digest(
    campaign_id: int, uow: UnitOfWork, session: Session
):
    with uow() as tx:
        add_file(tx, campaign_id, "logo.png", PNG)
        launch(tx, campaign_id, templates=resource("templates"), at=AT)
    with uow() as tx:
        with pytest.raises(Refused, match="no longer be edited"):
            add_file(tx, campaign_id, "more.txt", b"x")
        with pytest.raises(Refused, match="no longer be edited"):
            remove_file(tx, campaign_id, files_of(tx.session, campaign_id)[0].id)
    with pytest.raises(sa.exc.IntegrityError, match="fixed"):
        session.execute(sa.update(CampaignFile).values(data=b"other"))
    session.rollback()
    with pytest.raises(sa.exc.IntegrityError, match="fixed"):
        session.execute(sa.delete(CampaignFile))


def test_the_digest_tells_files_apart(campaign_id: int, uow: UnitOfWork):
    digests = set()
    for data in (PNG, PNG + b"x"):
        with uow() as tx:
            copy = compose.copy(tx, campaign_id, operator_id=None, at=AT)
            add_file(tx, copy.id, "logo.png", data)
            launched = launch(tx, copy.id, templates=resource("templates"), at=AT)
            digests.add(tx.session.get_one(CampaignContent, launched.content_id).sha256)
    assert len(digests) == 2


def test_a_copy_has_the_same_files_and_a_deleted_draft_none(campaign_id: int, uow: UnitOfWork):
    with uow() as tx:
        add_file(tx, campaign_id, "logo.png", PNG)
        copy = compose.copy(tx, campaign_id, operator_id=None, at=AT)
        copy_files(tx, campaign_id, copy.id)
        tx.session.flush()
        assert files_of(tx.session, copy.id, whole=True)[0].data == PNG
        compose.delete_draft(tx, campaign_id)
        tx.session.flush()
        assert files_of(tx.session, campaign_id) == []
        assert len(files_of(tx.session, copy.id)) == 1


def test_a_preview_shows_the_picture_and_a_missing_one_blocks_the_launch(
    campaign_id: int, uow: UnitOfWork, settings: Settings
):
    with uow() as tx:
        with pytest.raises(InvalidInput, match=r"There is no file “logo\.png”"):
            launch(tx, campaign_id, templates=resource("templates"), at=AT)
    with uow() as tx:
        add_file(tx, campaign_id, "logo.png", PNG)
        campaign = compose.lock_campaign(tx, campaign_id)
        files = files_of(tx.session, campaign_id, whole=True)
        shown = preview(settings, campaign, resource("templates"), at=AT, files=files)
    assert 'src="data:image/png;base64,iVBORw0KGgo' in shown.html
    assert "cid:" not in shown.html
    assert shown.kind == "slots"
