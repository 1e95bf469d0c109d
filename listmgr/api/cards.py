"""Business cards by API: upload under the studio's rules, and query the status."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue

from listmgr.api import bp
from listmgr.api.authentication import (
    caller,
    requires_scope,
)
from listmgr.api.problems import Problem
from listmgr.cards import manual_entry
from listmgr.cards.models import Card, CardSource
from listmgr.cards.review import CardWords
from listmgr.cards.stages import staged
from listmgr.cards.upload import (
    EARLIEST,
    CaptureFacts,
    KeyReused,
)
from listmgr.cards.visibility import find_card
from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.kit.transaction import Transaction
from listmgr.operators.api_keys import Scope
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may

_WORDS = frozenset(field.name for field in fields(CardWords))
_FACTS = frozenset({"taken_at", "occasion", "said", "notice_by_hand"})


@bp.post("/cards")
@requires_scope(Scope.WRITE_CARDS, Right.EDIT_CARDS)
def hand_in() -> ResponseReturnValue:
    """Accept one card. The same Idempotency-Key is the same card."""
    document = _request_document()
    words = CardWords(**{name: _text(document, name) for name in _WORDS & document.keys()})
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise Problem(400, "no_idempotency_key", "Send an Idempotency-Key: a UUID for each card.")
    with services().unit_of_work() as tx:
        try:
            card = manual_entry.create_manually(
                tx, words, _taken(document), key=f"api:{key}", at=now(), source=CardSource.API
            )
        except KeyReused as error:
            raise Problem(422, "key_reused", str(error)) from None
        if card is None:
            raise Problem(410, "gone", "This card was handed in, and has been deleted since.")
        write_audit_entry(
            tx,
            caller().operator_id,
            AuditAction.CARD_CAPTURED,
            card.id,
            {"source": "api"},
            at=now(),
        )
        answer = _shown(tx, card)
    return jsonify(answer), 201, {"Location": answer["url"]}


@bp.get("/cards/<int:card_id>")
@requires_scope(Scope.READ_CARDS, Right.SEE_CARDS)
def status(card_id: int) -> ResponseReturnValue:
    """Return the status of a card the key's operator may see; nothing of its content."""
    sees_team = may(caller().role, Right.SEE_TEAM_CARDS)
    if card_id >= 2**63:
        raise Problem(404, "not_found", "There is no such card.")
    with services().unit_of_work() as tx:
        card = find_card(tx.session, card_id, None if sees_team else caller().operator_id)
        return jsonify(_shown(tx, card))


def _request_document() -> dict[str, Any]:
    if not request.is_json:
        raise Problem(415, "not_json", "Send application/json.")
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise Problem(400, "not_an_object", "Send one JSON object.")
    unknown = sorted(document.keys() - _WORDS - _FACTS)
    if unknown:
        # An “opt_in” that is silently dropped would be believed in.
        wrong = dict.fromkeys(unknown, "This field is not known here.")
        raise InvalidInput("Some fields are not known here. A card carries no consent.", wrong)
    return document


def _taken(document: dict[str, Any]) -> CaptureFacts:
    given = document.get("notice_by_hand", False)
    if not isinstance(given, bool):
        raise InvalidInput("Wrong type.", {"notice_by_hand": "Send true or false."})
    return CaptureFacts(
        operator_id=caller().operator_id,
        taken_at=_time(document),
        occasion=_text(document, "occasion"),
        said=_text(document, "said"),
        notice_by_hand=given,
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise InvalidInput("Wrong type.", {name: "Send a text."})
    return value


def _time(document: dict[str, Any]) -> datetime:
    written = _text(document, "taken_at")
    if not written:
        return now()
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        wrong = "Write it with its zone: 2026-05-04T10:30:00+02:00."
        raise InvalidInput("Wrong time.", {"taken_at": wrong})
    if moment < EARLIEST:
        raise InvalidInput("Wrong time.", {"taken_at": "Cards were not taken so long ago."})
    return moment


def _shown(tx: Transaction, card: Card) -> dict[str, Any]:
    tx.session.flush()
    return {
        "id": card.id,
        "url": services().settings.link(url_for("api.status", card_id=card.id)),
        "stage": staged(tx.session, card).stage.value,
        "captured_at": card.captured_at.isoformat(),
        "delete_at": card.delete_at.isoformat(),
        "notice_due_at": card.notice_due_at.isoformat(),
        "notice_given_at": card.notice_given_at and card.notice_given_at.isoformat(),
    }
