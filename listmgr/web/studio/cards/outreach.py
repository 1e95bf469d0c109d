"""Actions on an accepted card: statement, confirmation request, first reply, sign-up page."""

from __future__ import annotations

import segno
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.cards.outreach import (
    consent_statement,
    reply,
)
from listmgr.cards.outreach.reply import ReplyWords
from listmgr.cards.outreach.signup_prefill import (
    LIVES_SECONDS,
    prefill_token,
)
from listmgr.cards.visibility import locked_card
from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.lists.signup_forms import find_form
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.cards.views import card_view
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator, whose_cards
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    parse_id,
    write_transaction,
)


@bp.post("/cards/<key:card_id>/statement")
@requires(Right.EDIT_CARDS)
def store_statement(card_id: int) -> ResponseReturnValue:
    """Store the operator's statement that the person asked for mail; this sends nothing."""
    purpose_id, words = parse_id(request.form.get("purpose")), request.form.get("statement", "")
    me = current_operator().id
    try:
        with write_transaction() as tx:
            consent = consent_statement.store_statement(
                tx,
                card_id,
                whose_cards(),
                purpose_id=purpose_id or 0,
                words=words,
                operator_id=me,
                at=now(),
            )
            log_audit(
                tx,
                AuditAction.CARD_STATEMENT_STORED,
                card_id,
                consent=consent.id,
                purpose=consent.purpose_id,
            )
    except InvalidInput as error:
        return card_view(card_id, errors=error.fields), 422
    flash(_("Your statement is stored. Now the one confirmation mail can be sent."))
    return redirect(url_for("studio.card_page", card_id=card_id, _anchor="newsletter"), 303)


@bp.post("/cards/<key:card_id>/ask")
@requires(Right.EDIT_CARDS)
def ask_card(card_id: int) -> ResponseReturnValue:
    """Send the single confirmation mail."""
    with write_transaction() as tx:
        service_mail = consent_statement.request_confirmation_once(
            tx, card_id, whose_cards(), operator_id=current_operator().id, at=now()
        )
        log_audit(
            tx, AuditAction.CARD_CONFIRMATION_REQUESTED, card_id, service_mail=service_mail.id
        )
    flash(_("The confirmation mail is on its way. There will be no reminder."))
    return redirect(url_for("studio.card_page", card_id=card_id, _anchor="newsletter"), 303)


@bp.post("/cards/<key:card_id>/reply")
@requires(Right.EDIT_CARDS)
def reply_to_card(card_id: int) -> ResponseReturnValue:
    """Send the first reply; the notice is added below it."""
    words, list_id, me = (
        form_values(ReplyWords),
        parse_id(request.form.get("list_id")),
        current_operator().id,
    )
    try:
        with write_transaction() as tx:
            letter = reply.write_reply(
                tx, card_id, whose_cards(), words, list_id=list_id or 0, operator_id=me, at=now()
            )
            log_audit(tx, AuditAction.CARD_REPLIED, card_id, reply=letter.id)
    except InvalidInput as error:
        return card_view(card_id, errors=error.fields), 422
    flash(_("The reply is on its way; an answer comes to your own mailbox."))
    return redirect(url_for("studio.card_page", card_id=card_id, _anchor="notice"), 303)


@bp.post("/cards/<key:card_id>/sign-up")
@requires(Right.EDIT_CARDS)
def offer_sign_up(card_id: int) -> str:
    """Show the prefilled sign-up page, by QR code or on this device."""
    form_id = parse_id(request.form.get("form"))
    with write_transaction() as tx:
        card = locked_card(tx, card_id, whose_cards())
        form = find_form(tx.session, form_id or 0)
        if form.closed_at is not None:
            raise NotFound(N_("This form takes no sign-ups."))
        log_audit(tx, AuditAction.CARD_SIGNUP_SHOWN, card_id, form=form.id)
    token = prefill_token(services().settings, card_id)
    link = services().settings.link(f"s/{form.slug}?lang={card.language}&card={token}")
    picture = segno.make(link, error="m").svg_data_uri(scale=8, border=2, light="#fff")
    minutes = LIVES_SECONDS // 60
    return render_template(
        "studio/cards/sign_up.html", card=card, link=link, picture=picture, minutes=minutes
    )
