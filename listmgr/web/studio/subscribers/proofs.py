"""The proof of one consent: view, print, download."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, render_template

from listmgr.consent.models import Consent
from listmgr.consent.proof import ProofError, printable, proof, verify
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import read_only_transaction
from listmgr.web.translation import translate_error


@bp.get("/subscribers/consents/<key:consent_id>/proof")
@requires(Right.SEE_PROOFS, look=AuditAction.CONSENT_PROOF_VIEWED)
def proof_page(consent_id: int) -> str:
    """Show who agreed to what, when and how, and whether the ledger is intact."""
    with read_only_transaction() as tx:
        exported = proof(tx.session, consent_id)
        subscriber_id = tx.session.get_one(Consent, consent_id).subscriber_id
    return render_template(
        "studio/subscribers/proof.html",
        proof=exported,
        subscriber_id=subscriber_id,
        events=[_readable(event) for event in exported["events"]],
        problem=_problem_with(exported),
    )


@bp.get("/subscribers/consents/<key:consent_id>/proof.txt")
@requires(Right.SEE_PROOFS, look=AuditAction.CONSENT_PROOF_EXPORTED)
def proof_text(consent_id: int) -> Response:
    """Return the proof as plain text, for a letter or a court."""
    return Response(printable(_exported_proof(consent_id)), mimetype="text/plain")


@bp.get("/subscribers/consents/<key:consent_id>/proof.json")
@requires(Right.SEE_PROOFS, look=AuditAction.CONSENT_PROOF_EXPORTED)
def proof_file(consent_id: int) -> Response:
    """Download the file that `listmgr evidence verify` checks without a database."""
    text = json.dumps(_exported_proof(consent_id), ensure_ascii=False, indent=1)
    name = f'attachment; filename="consent-{consent_id}.json"'
    return Response(text, mimetype="application/json", headers={"Content-Disposition": name})


def _exported_proof(consent_id: int) -> dict[str, Any]:
    with read_only_transaction() as tx:
        return proof(tx.session, consent_id)


def _problem_with(exported: dict[str, Any]) -> str:
    try:
        verify(exported)
    except ProofError as error:
        return translate_error(error)
    return ""


def _readable(event: dict[str, Any]) -> dict[str, Any]:
    parts = {part: json.loads(event.get(part) or "{}") for part in ("facts", "evidence")}
    return {**event, **parts, "kept": "evidence" in event}
