"""Pages of business cards: the inbox, one card with its review, counts by occasion."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.cards import (
    inbox,
    privacy_notice,
    review,
)
from listmgr.cards.funnel import funnels
from listmgr.cards.inbox import CardDetails, Page, Size
from listmgr.cards.models import Card
from listmgr.cards.outreach.consent_statement import statement_of
from listmgr.cards.parsing.parsed_card import from_json
from listmgr.cards.restriction import subscriber_of
from listmgr.cards.review import AcceptResult, CardWords
from listmgr.cards.stages import Stage
from listmgr.consent import staff_requests
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.lists.edit import lists
from listmgr.lists.purposes import open_purposes
from listmgr.lists.signup_forms import forms
from listmgr.operators.accounts import operators
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may
from listmgr.subscribers.restriction import WAYS_TO_INFORM
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.cards.labels import guesses
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator, whose_cards
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)

# The heaps of the inbox, in the order of what waits.
HEAPS: dict[str, tuple[Stage, ...]] = {
    "review": (Stage.REVIEW, Stage.OBJECTED),
    "kept": (Stage.KEPT, Stage.STATED),
    "asked": (Stage.ASKED,),
    "confirmed": (Stage.CONFIRMED,),
    "ended": (Stage.ENDED,),
    "overdue": tuple(Stage),
}


@bp.get("/cards")
@requires(Right.SEE_CARDS)
def cards() -> str:
    """Show the inbox, cards to review first."""
    heap = request.args.get("heap", "")
    with read_only_transaction() as tx:
        sizes = _sizes(tx.session)
        heap = heap if heap in sizes else "review"
        return render_template(
            "studio/cards/all.html",
            heap=heap,
            heaps=sizes,
            page=_heap(tx.session, heap),
            being_read=inbox.being_read(tx.session, current_operator().id),
            not_read=inbox.not_read(tx.session, current_operator().id),
            is_overdue=lambda card: privacy_notice.is_overdue(card, now()),
        )


@bp.get("/cards/<key:card_id>")
@requires(Right.SEE_CARDS, look=AuditAction.CARD_VIEWED)
def card_page(card_id: int) -> str:
    """Show one card: to review, or with the actions on it."""
    return card_view(card_id)


@bp.get("/cards/<key:card_id>/picture")
@requires(Right.SEE_CARDS)
def card_picture(card_id: int) -> Response:
    """Return the picture the card was read from while it is kept."""
    with read_only_transaction() as tx:
        beside = inbox.card_details(tx.session, card_id, whose_cards())
        upload = None if _is_withheld(beside) else beside.upload
        if upload is None or upload.content is None or not upload.content_type:
            raise NotFound(N_("The picture is not kept."))
        answer = Response(upload.content, mimetype=upload.content_type)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@bp.post("/cards/<key:card_id>/keep")
@requires(Right.EDIT_CARDS)
def keep_card(card_id: int) -> ResponseReturnValue:
    """Accept the reviewed card."""
    words = form_values(CardWords)
    try:
        with write_transaction() as tx:
            card, came_to = review.accept_card(tx, card_id, whose_cards(), words, at=now())
            log_audit(tx, AuditAction.CARD_ACCEPTED, card_id, came_to=came_to.value)
    except InvalidInput as error:
        return card_view(card_id, words=words, errors=error.fields), 422
    flash(_kept(came_to))
    return redirect(url_for("studio.card_page", card_id=card.id), 303)


@bp.post("/cards/<key:card_id>/discard")
@requires(Right.EDIT_CARDS)
def discard_card(card_id: int) -> ResponseReturnValue:
    """Delete the card."""
    with write_transaction() as tx:
        review.discard(tx, card_id, whose_cards(), at=now())
        log_audit(tx, AuditAction.CARD_DISCARDED, card_id)
    flash(_("Discarded. Nothing of it has been kept."))
    return redirect(url_for("studio.cards"), 303)


@bp.post("/cards/<key:card_id>/notice")
@requires(Right.EDIT_CARDS)
def notice_by_hand(card_id: int) -> ResponseReturnValue:
    """Record that the person got the notice on paper or on screen."""
    with write_transaction() as tx:
        privacy_notice.record_notice_given(
            tx, card_id, whose_cards(), operator_id=current_operator().id, at=now()
        )
        log_audit(tx, AuditAction.CARD_NOTICE_GIVEN, card_id, way="by hand")
    flash(_("Recorded."))
    return redirect(url_for("studio.card_page", card_id=card_id), 303)


@bp.get("/cards/occasions")
@requires(Right.SEE_CARDS)
def card_funnels() -> str:
    """Show the counts of each occasion; never of the people who took the cards."""
    with read_only_transaction() as tx:
        return render_template("studio/cards/funnels.html", funnels=funnels(tx.session))


def card_view(
    card_id: int,
    *,
    words: object = None,
    errors: dict[str, str] | None = None,
    values: object = None,
) -> str:
    """Render the page of a card, with the submitted values if some were invalid."""
    with read_only_transaction() as tx:
        beside = inbox.card_details(tx.session, card_id, whose_cards())
        if _is_withheld(beside):
            return render_template("studio/cards/withheld.html", since=beside.restricted_since)
        card: Card = beside.staged.card
        return render_template(
            "studio/cards/one.html",
            beside=beside,
            card=card,
            words=words or card,
            errors=errors or {},
            values=values or request.form,
            guesses=guesses(card),
            also_read=from_json(card.guessed).further,
            statement=statement_of(tx.session, card),
            overdue=beside.restricted_since is None and privacy_notice.is_overdue(card, now()),
            purposes=open_purposes(tx.session),
            senders=[record for record in lists(tx.session) if record.archived_at is None],
            forms=[record for record in forms(tx.session) if record.closed_at is None],
            staff={record.id: record.name for record in operators(tx.session)},
            to_review=inbox.count_to_review(tx.session, whose_cards()),
            subscriber_id=subscriber_of(tx.session, card),
            ways=staff_requests.REQUEST_CHANNELS,
            told=WAYS_TO_INFORM,
        )


def _is_withheld(beside: CardDetails) -> bool:
    """Whether the card is restricted and the operator does not handle requests (Article 18)."""
    return beside.restricted_since is not None and not may(
        current_operator().role, Right.SEE_SUBSCRIBERS
    )


def _heap(session: Session, heap: str) -> Page:
    below = parse_id(request.args.get("below"))
    if heap == "restricted":
        return inbox.restricted(session, below=below)
    overdue_at = now() if heap == "overdue" else None
    return inbox.inbox(
        session, whose_cards(), stages=HEAPS[heap], overdue_at=overdue_at, below=below
    )


def _sizes(session: Session) -> dict[str, Size]:
    """Count the cards in each stage the operator may open."""
    counts = inbox.counts(session, whose_cards())
    sizes = {
        name: Size(
            sum(counts[stage].number for stage in stages),
            all(counts[stage].exact for stage in stages),
        )
        for name, stages in HEAPS.items()
    }
    sizes["overdue"] = Size(privacy_notice.count_overdue(session, whose_cards(), at=now()))
    if may(current_operator().role, Right.SEE_SUBSCRIBERS):
        sizes["restricted"] = Size(inbox.count_restricted(session))
    return sizes


def _kept(came_to: AcceptResult) -> str:
    words: dict[AcceptResult, str] = {
        AcceptResult.KEPT: _("The card is accepted."),
        AcceptResult.MERGED: _("There was a card of this address already: it is one card now."),
        AcceptResult.OBJECTED: _(
            "This person objected to mail from us. Nothing of the card is kept."
        ),
    }
    return words[came_to]
