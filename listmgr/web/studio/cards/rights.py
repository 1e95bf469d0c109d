"""Rights of a person known only by a business card: access, restriction, erasure."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.cards import restriction
from listmgr.cards.visibility import find_card
from listmgr.consent import staff_requests
from listmgr.consent.methods import Method
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.privacy import erasure
from listmgr.privacy.data_export import file_of_card
from listmgr.web.data_export_response import own_data_file
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator, whose_cards
from listmgr.web.studio.transactions import (
    log_audit,
    read_only_transaction,
    write_transaction,
)


def _must_see(tx: Transaction, card_id: int) -> None:
    """Raise NotFound unless the operator may see the card."""
    find_card(tx.session, card_id, whose_cards())


def _method() -> Method:
    how = request.form.get("how", "")
    return staff_requests.validate_channel(how)


@bp.post("/cards/<key:card_id>/own-data")
@requires(Right.EXPORT_SUBSCRIBERS)
def export_card(card_id: int) -> ResponseReturnValue:
    """Download all data of the person (Articles 15 and 20)."""
    method = _method()
    with write_transaction() as tx:
        _must_see(tx, card_id)
        document = file_of_card(tx.session, restriction.of_a_card_alone(tx, card_id))
        log_audit(tx, AuditAction.CARD_DATA_EXPORTED, card_id, method=method)
    return own_data_file(document)


@bp.post("/cards/<key:card_id>/restrict")
@requires(Right.EDIT_SUBSCRIBERS)
def restrict_card(card_id: int) -> ResponseReturnValue:
    """Restrict the card (Article 18): it is hidden from sales, and nobody works on it."""
    with write_transaction() as tx:
        _must_see(tx, card_id)
        if restriction.restrict(tx, card_id, at=now()):
            log_audit(tx, AuditAction.CARD_RESTRICTED, card_id)
    flash(_("Restricted. Nothing is sent, changed or deleted until you lift it."))
    return redirect(url_for("studio.card_page", card_id=card_id), 303)


@bp.post("/cards/<key:card_id>/end-restriction")
@requires(Right.EDIT_SUBSCRIBERS)
def lift_card_restriction(card_id: int) -> ResponseReturnValue:
    """End the restriction after informing the person (Article 18(3))."""
    informed_by = request.form.get("told", "")
    with write_transaction() as tx:
        _must_see(tx, card_id)
        if restriction.lift_restriction(tx, card_id, informed_by=informed_by):
            log_audit(tx, AuditAction.CARD_RESTRICTION_LIFTED, card_id, told=informed_by)
    flash(_("The restriction is lifted."))
    return redirect(url_for("studio.card_page", card_id=card_id), 303)


@bp.get("/cards/<key:card_id>/erase")
@requires(Right.ERASE_SUBSCRIBERS, look=AuditAction.CARD_VIEWED)
def erase_card_page(card_id: int) -> str:
    """Show what is erased and what stays, before it is final."""
    with read_only_transaction() as tx:
        card = find_card(tx.session, card_id, whose_cards())
        return render_template(
            "studio/subscribers/erase.html",
            names=[card.address or card.name or card.company],
            back=url_for("studio.card_page", card_id=card_id),
            by_card=True,
            has_address=card.address_key is not None,
            ways=staff_requests.REQUEST_CHANNELS,
        )


@bp.post("/cards/<key:card_id>/erase")
@requires(Right.ERASE_SUBSCRIBERS)
def erase_card(card_id: int) -> ResponseReturnValue:
    """Erase the card (Article 17); this cannot be undone, as its page has said."""
    method = _method()
    with write_transaction() as tx:
        _must_see(tx, card_id)
        erasure.erase_card(tx, card_id, actor=f"operator:{current_operator().id}", at=now())
        log_audit(tx, AuditAction.CARD_ERASED, card_id, method=method)
    flash(_("Erased. A fingerprint stays, so that no import adds the person again."))
    return redirect(url_for("studio.subscribers"), 303)
