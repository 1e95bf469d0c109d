"""Lists, purposes, words and forms: made and changed, and never rewritten."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa

from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.lists.edit import (
    Description,
    archive_list,
    create_list,
    edit_list,
    lists,
    restore_list,
)
from listmgr.lists.form_fields import Ask
from listmgr.lists.models import MailingList, Purpose
from listmgr.lists.purposes import (
    add_purpose,
    find_purpose,
    open_purposes,
    publish_notice,
)
from listmgr.lists.signup_forms import (
    FormWords,
    close_form,
    create_form,
    edit_form,
    forms,
    reopen_form,
)
from tests.conftest import NOW

GOOD = Description(
    name="Rundbrief",
    sender_name="Müller & Töchter",
    sender_address="brief@news.example.org",
    imprint="Müller & Töchter\r\nBerlin",
    privacy_url="https://news.example.org/privacy",
)
WORDS = {"de": "Ja, ich möchte.", "en": "Yes, I do."}


@pytest.fixture
def made(uow) -> MailingList:
    with uow() as tx:
        return create_list(tx, GOOD, slug="brief", at=NOW)


@pytest.fixture
def purpose(uow, made) -> Purpose:
    with uow() as tx:
        return add_purpose(tx, made.id, slug="letter", name_de="Brief", name_en="Letter")


def test_a_list_is_made_and_changed(uow, made, session):
    assert made.imprint == "Müller & Töchter\nBerlin"
    with uow() as tx:
        edit_list(tx, made.id, dataclasses.replace(GOOD, name="Neu"))
    assert [found.name for found in lists(session)] == ["Neu"]
    with pytest.raises(NotFound), uow() as tx:
        edit_list(tx, 99, GOOD)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": "x" * 1_000_000}, "name"),
        ({"description": "a\0"}, "description"),
        ({"language": "xx"}, "language"),
        ({"sender_name": "A\r\nBcc: b@example.org"}, "sender_name"),
        ({"sender_name": "A\u2028B"}, "sender_name"),
        ({"sender_address": "nobody"}, "sender_address"),
        ({"imprint": " "}, "imprint"),
        ({"privacy_url": "javascript:alert(1)"}, "privacy_url"),
        ({"privacy_url": "data:text/html,x"}, "privacy_url"),
    ],
)
def test_t17_bad_input_is_told_field_by_field(uow, changes, field):
    with pytest.raises(InvalidInput) as error, uow() as tx:
        create_list(tx, dataclasses.replace(GOOD, **changes), slug="brief", at=NOW)
    assert set(error.value.fields) == {field}


@pytest.mark.parametrize("slug", ["", "Ä", "a b", "-a", "a-", "a/b", "x" * 64, "a\0", "brief\n.x"])
def test_m04_a_short_name_fits_a_header(uow, slug):
    with pytest.raises(InvalidInput) as error, uow() as tx:
        create_list(tx, GOOD, slug=slug, at=NOW)
    assert set(error.value.fields) == {"slug"}


def test_a_short_name_is_taken_once(uow, made):
    with pytest.raises(InvalidInput), uow() as tx:
        create_list(tx, GOOD, slug="brief", at=NOW)


def test_archiving_is_undone(uow, made, purpose, session):
    with uow() as tx:
        assert archive_list(tx, made.id, at=NOW).archived_at == NOW
        assert open_purposes(tx.session) == []
    with uow() as tx:
        assert restore_list(tx, made.id).archived_at is None
    assert len(open_purposes(session)) == 1


def test_a_purpose_needs_its_names(uow, made, purpose):
    with pytest.raises(InvalidInput) as error, uow() as tx:
        add_purpose(tx, made.id, slug="letter", name_de="", name_en="")
    assert set(error.value.fields) == {"slug", "name_de", "name_en"}


def test_l03_words_are_versions_and_never_edited(uow, purpose, session, superuser):
    with uow() as tx:
        publish_notice(tx, purpose.id, words=WORDS, privacy_version="2026-11", at=NOW)
    with uow() as tx:
        second = publish_notice(tx, purpose.id, words=WORDS, demands_renewal=True, at=NOW)
    assert {(notice.version, notice.language) for notice in second} == {(2, "de"), (2, "en")}
    found = find_purpose(session, purpose.id)
    assert found.least_notice_version == 2
    assert len(found.notices) == 4
    with pytest.raises(sa.exc.IntegrityError), superuser.begin() as connection:
        connection.execute(sa.text("UPDATE notices SET words = 'x'"))


def test_words_in_no_language_are_refused(uow, purpose):
    with pytest.raises(InvalidInput) as error, uow() as tx:
        publish_notice(tx, purpose.id, words={"de": " ", "en": ""}, at=NOW)
    assert "words_de" in error.value.fields


def test_a_language_once_spoken_goes_on(uow, purpose):
    with uow() as tx:
        publish_notice(tx, purpose.id, words=WORDS, at=NOW)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        publish_notice(tx, purpose.id, words={"de": "Nur deutsch."}, at=NOW)
    assert set(error.value.fields) == {"words_en"}


def test_a_form_is_made_changed_closed_and_reopened(uow, purpose, session):
    words = FormWords("Post", "Mail")
    with pytest.raises(InvalidInput) as error, uow() as tx:
        create_form(tx, words, slug="x", purpose_ids=[purpose.id], at=NOW)
    assert "no consent text yet" in error.value.fields["purposes"]
    with uow() as tx:
        publish_notice(tx, purpose.id, words=WORDS, at=NOW)
        form = create_form(tx, words, slug="x", purpose_ids=[purpose.id], at=NOW)
    with uow() as tx:
        asks = [Ask("last_name", required=True), Ask("first_name")]
        edit_form(tx, form.id, FormWords("Neu", "New"), purpose_ids=[purpose.id], asks=asks)
        edit_form(tx, form.id, FormWords("Neu", "New"), purpose_ids=[purpose.id], asks=asks)
        close_form(tx, form.id, at=NOW)
    [found] = forms(session)
    assert (found.title_de, found.closed_at) == ("Neu", NOW)
    assert [(ask.key, ask.required) for ask in found.asks] == [
        ("last_name", True),
        ("first_name", False),
    ]
    with uow() as tx:
        assert reopen_form(tx, form.id).closed_at is None
    with pytest.raises(InvalidInput) as error, uow() as tx:
        create_form(tx, FormWords(), slug="x", purpose_ids=[77], at=NOW)
    assert set(error.value.fields) == {"slug", "title_de", "title_en", "purposes"}
