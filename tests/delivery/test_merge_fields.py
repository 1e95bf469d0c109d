"""Fields of one's own in campaigns: fetched with the gate, shown in the list's language."""

from __future__ import annotations

import json
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from listmgr.campaigns import compose
from listmgr.campaigns.models import Campaign
from listmgr.delivery.launch import launch, validate_launch
from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.merge_fields import (
    archived_names,
    merge_fields,
)
from listmgr.delivery.preview import (
    preview,
    send_test,
)
from listmgr.kit.errors import InvalidInput
from listmgr.lists.models import MailingList
from listmgr.operators.models import Operator, Role
from listmgr.subscribers.custom_fields import (
    archive_field,
    edit_field,
)
from listmgr.subscribers.field_catalogue import FieldKind
from listmgr.subscribers.field_values import show_value, shown_sql
from listmgr.subscribers.models import Subscriber
from tests.conftest import NOW
from tests.delivery.conftest import TEMPLATES
from tests.factories import (
    FIELD,
    make_confirmed,
    make_field,
)

BODY = (
    "{{ city | upper }} {{ size }} {{ born }} {{ colour }}"
    "{% if guest %} Gast {{ guest }}{% endif %}"
)
VALUES = {"city": "Köln", "size": "12.5", "born": "2026-05-01", "colour": "rot", "guest": "true"}


@pytest.fixture
def fields(uow):
    with uow() as tx:
        make_field(tx)
        make_field(tx, key="size", kind="number")
        make_field(tx, key="born", kind="date")
        make_field(tx, key="guest", kind="yes_no")
        make_field(tx, key="colour", kind="choice", choices="rot\nblau")


@pytest.fixture
def draft(uow, notice, fields):
    """A draft that uses all of them, to one person who has all of them and one who has none."""
    with uow() as tx:
        for local, values in (("anna", VALUES), ("bert", {})):
            consent = make_confirmed(tx, f"{local}@example.org", notice, NOW)
            tx.session.get_one(Subscriber, consent.subscriber_id).attributes = values
        made = compose.Draft("Mai", notice.purpose_id, "Aus {{ city }}", body=BODY)
        return compose.create(tx, made, operator_id=None, at=NOW).id


def go(uow, campaign_id):
    with uow() as tx:
        launch(tx, campaign_id, templates=TEMPLATES, at=NOW)


def text(mail) -> str:
    """On one line, wherever it was folded."""
    return " ".join(mail.get_body(("plain",)).get_content().split())


@pytest.mark.parametrize(
    ("language", "told"),
    [("de", "KÖLN 12,5 01.05.2026 rot Gast ja"), ("en", "KÖLN 12.5 1 May 2026 rot Gast yes")],
)
def test_values_are_shown_in_the_language_of_the_list(uow, draft, send, sink, language, told):
    with uow() as tx:
        tx.session.execute(sa.update(MailingList).values(language=language))
    go(uow, draft)
    send(draft)
    [anna], [bert] = sink.to("anna@example.org"), sink.to("bert@example.org")
    assert told in text(anna)
    assert anna["Subject"] == "Aus Köln"
    assert "Gast" not in text(bert)


def test_a_no_is_no_yes(uow, draft, send, sink):
    with uow() as tx:
        tx.session.execute(sa.update(Subscriber).values(attributes={"guest": "false"}))
    go(uow, draft)
    send(draft)
    assert "Gast" not in text(sink.to("anna@example.org")[0])


@pytest.mark.parametrize(
    "hostile",
    [
        "\r\nBcc: victim@example.org",
        "a\u2028b\u0085c",
        "<script>alert(1)</script>",
        "{{ ''.__class__ }}{% raw %}",
        "'); DROP TABLE fields; --",
        "x" * 5000,
        "😀" * 50,
    ],
)
def test_t17_t18_hostile_values_stay_values(uow, draft, send, sink, hostile):
    """Whatever came into the database, by whichever way: it is text, in header and body alike."""
    with uow() as tx:
        tx.session.execute(sa.update(Subscriber).values(attributes=dict.fromkeys(VALUES, hostile)))
    go(uow, draft)
    send(draft)
    [(_to, octets), _other] = sink.mails
    assert b"\nBcc" not in octets.partition(b"\r\n\r\n")[0]
    [mail] = sink.to("anna@example.org")
    html = mail.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert mail["Bcc"] is None
    assert ("__class__" in hostile) == ("__class__" in html)


def test_an_unknown_field_is_refused_with_the_names_there_are(uow, notice, fields, session):
    with uow() as tx:
        make_field(tx, key="secret", roles=["service"])
        make_field(tx, key="diet", category="special", special_reason="Art. 9(2)(a)")
        make_confirmed(tx, "anna@example.org", notice, NOW)
    for name in ("cityy", "secret", "diet"):
        with uow() as tx:
            made = compose.Draft("x", notice.purpose_id, "x", body=f"{{{{ {name} }}}}")
            campaign = compose.create(tx, made, operator_id=None, at=NOW)
            [finding] = validate_launch(tx.session, tx.settings, campaign, TEMPLATES)
        assert f"There is no field “{name}”" in finding.message
        assert "city, size, born, guest, colour" in finding.message
        with pytest.raises(InvalidInput, match=name):
            go(uow, campaign.id)


def test_a_draft_with_an_archived_field_is_told_so(uow, draft, settings):
    with uow() as tx:
        archive_field(tx, 1, at=NOW)
    with pytest.raises(InvalidInput, match="“city” is archived"):
        go(uow, draft)
    with uow() as tx:
        fields, archived = merge_fields(tx.session), archived_names(tx.session)
        with pytest.raises(MessageError, match="“city” is archived"):
            preview(
                settings,
                tx.session.get_one(Campaign, draft),
                TEMPLATES,
                at=NOW,
                fields=fields,
                archived=archived,
            )


@pytest.mark.parametrize("gone", ["archived", "hidden", "deleted"])
def test_a_launched_campaign_goes_on(uow, draft, send, sink, settings, gone):
    go(uow, draft)
    with uow() as tx:
        if gone == "archived":
            archive_field(tx, 1, at=NOW)
        elif gone == "hidden":
            edit_field(tx, 1, FIELD, roles=["service"], by=Role.ADMINISTRATOR)
        else:
            tx.session.execute(sa.text("DELETE FROM fields WHERE id = 1"))
    send(draft)
    [mail] = sink.to("anna@example.org")
    assert mail["Subject"] == ("Aus" if gone == "deleted" else "Aus Köln")
    with uow() as tx:
        shown = preview(settings, tx.session.get_one(Campaign, draft), TEMPLATES, at=NOW)
    assert "12,5" not in shown.text


def test_a_preview_and_a_test_mail_show_invented_values(uow, draft, sink, settings):
    with uow() as tx:
        campaign = tx.session.get_one(Campaign, draft)
        fields = merge_fields(tx.session)
        shown = preview(settings, campaign, TEMPLATES, at=NOW, fields=fields)
        assert shown.subject == "Aus Ort"
        assert "ORT 42 31.12.2026 rot Gast ja" in " ".join(shown.text.split())
        eva = Operator(email="eva@example.org", name="Eva", password_hash="", role=Role.MARKETER)
        tx.session.add(eva)
        tx.session.flush()
        send_test(tx.session, settings, campaign, TEMPLATES, eva.id, at=NOW)
    [mail] = sink.to("eva@example.org")
    assert "ORT 42 31.12.2026" in text(mail)


VALUE = (
    st.dates(date(1000, 1, 1)).map(date.isoformat)
    | st.decimals(-(10**9), 10**9, places=2).map(str)
    | st.sampled_from(["true", "", "2026-5-1", "x"])
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
)


@examples(max_examples=40)
@given(kind=st.sampled_from(list(FieldKind)), value=VALUE, language=st.sampled_from(["de", "en"]))
def test_the_database_shows_values_as_every_other_page_does(shared_engine, kind, value, language):
    sql = shown_sql(kind, "(s.attributes->>'f')", language)
    statement = sa.text(f"SELECT {sql} FROM (SELECT CAST(:a AS jsonb) AS attributes) s")
    with shared_engine.connect() as connection:
        shown = connection.scalar(statement, {"a": json.dumps({"f": value})})
        assert connection.scalar(statement, {"a": "{}"}) == ""
    if kind is FieldKind.YES_NO:
        assert shown == (show_value(kind, "true", language) if value == "true" else "")
    else:
        assert shown == show_value(kind, value, language)
