"""Labels of the facts and evidence of events, which the ledger stores by key."""

from __future__ import annotations

from flask_babel import gettext

from listmgr.kit.i18n import N_

_NAMES = {
    "account": N_("fingerprint of the account"),
    "address": N_("address"),
    "address_typed": N_("address as typed"),
    "agreed_at": N_("agreed at"),
    "answer of the mail server": N_("answer of the mail server"),
    "as_written": N_("time as the file writes it"),
    "asked": N_("asked because of"),
    "at": N_("at"),
    "attempts": N_("attempts"),
    "basis": N_("legal basis"),
    "box_before": N_("box beforehand"),
    "card_taken": N_("card taken"),
    "controller": N_("controller"),
    "declared_source": N_("declared source"),
    "ended": N_("consents ended"),
    "field": N_("field"),
    "fields": N_("fields"),
    "file_sha256": N_("SHA-256 of the file"),
    "followed_by": N_("followed by"),
    "form_url": N_("address of the form"),
    "held_back": N_("blocked after too many attempts"),
    "how": N_("how"),
    "import": N_("number of the import"),
    "ip": N_("network address"),
    "kind": N_("kind"),
    "language": N_("language of the words"),
    "list": N_("list"),
    "mail": N_("mail"),
    "mail_sha256": N_("SHA-256 of the mail with its link"),
    "message_id": N_("Message-ID"),
    "method": N_("act"),
    "moved_from_consent": N_("moved from consent"),
    "network": N_("network address"),
    "notice_version": N_("version of the words"),
    "occasion": N_("occasion"),
    "operator": N_("operator"),
    "other": N_("other record"),
    "privacy_url": N_("privacy policy"),
    "privacy_version": N_("version of the privacy policy"),
    "proof": N_("proof"),
    "purpose": N_("purpose"),
    "received_at": N_("received at"),
    "recorded_by": N_("recorded by"),
    "records": N_("records"),
    "refused_this_hour": N_("refused within this hour"),
    "role": N_("role"),
    "row": N_("row"),
    "said": N_("what was said"),
    "seconds_since_mail": N_("seconds since the mail"),
    "sender": N_("sender"),
    "smtp_reply": N_("answer of the mail server"),
    "source": N_("source"),
    "statement": N_("statement"),
    "suspiciously_fast": N_("suspiciously fast"),
    "system": N_("system it was given in"),
    "told": N_("person told"),
    "user_agent": N_("browser"),
    "words": N_("words shown"),
    "words_sha256": N_("SHA-256 of the words"),
    "words_shown": N_("words shown"),
}


def fact_name(key: str) -> str:
    """Return the label of a fact, or its key."""
    label = _NAMES.get(key)
    return str(gettext(label)) if label else key.replace("_", " ")
