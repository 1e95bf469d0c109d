"""What pages of imports call verdicts, stations, columns and legal bases."""

from __future__ import annotations

from flask_babel import gettext as _

from listmgr.imports.plan import Target
from listmgr.imports.verdicts import Meaning, Verdict
from listmgr.subscribers.fields import LegalBasis

_T, _V, _M, _B = Target, Verdict, Meaning, LegalBasis


def verdict_name(verdict: str) -> str:
    """A verdict in a few words."""
    names = {
        _V.NEW: _("new, captured"),
        _V.CONFIRMED: _("new, confirmed by the file's evidence"),
        _V.NO_EVIDENCE: _("new, captured: evidence incomplete"),
        _V.KNOWN: _("known, captured for this purpose"),
        _V.FILLED: _("known, fields updated"),
        _V.UNCHANGED: _("known, nothing to change"),
        _V.OPTED_OUT: _("opted out there: blocked here"),
        _V.DUPLICATE: _("twice in the file"),
        _V.STOPPED: _("opted out in another row"),
        _V.SUPPRESSED: _("blocked address"),
        _V.RESTRICTED: _("processing restricted"),
        _V.WITHDRAWN: _("withdrawn before"),
        _V.OUTDATED: _("opt-out older than the confirmation here"),
        _V.BAD_ADDRESS: _("no valid address"),
        _V.BAD_VALUE: _("a value that does not fit its field"),
        _V.UNCLEAR: _("unclear status"),
        _V.BAD_ROW: _("unreadable row"),
    }
    return str(names.get(Verdict(verdict), verdict))


def import_state(status: str) -> str:
    """The name of an import's station."""
    names = {
        "uploaded": _("to be described"),
        "checking": _("being looked through"),
        "checked": _("looked through"),
        "running": _("running"),
        "paused": _("paused"),
        "done": _("done"),
        "cancelled": _("cancelled"),
    }
    return str(names.get(str(status), status))


def meaning_name(meaning: str) -> str:
    """What a status means for us."""
    names = {
        _M.SUBSCRIBED: _("subscribed"),
        _M.UNCONFIRMED: _("not confirmed"),
        _M.UNSUBSCRIBED: _("opted out"),
        _M.BOUNCED: _("undeliverable"),
        _M.COMPLAINED: _("complained of spam"),
    }
    return str(names.get(Meaning(meaning), meaning))


def basis_name(basis: str) -> str:
    """A legal basis with its place in the law."""
    names = {
        _B.CONSENT: _("consent, Art. 6(1)(a) GDPR"),
        _B.CONTRACT: _("contract, Art. 6(1)(b)"),
        _B.LEGAL_OBLIGATION: _("legal obligation, Art. 6(1)(c)"),
        _B.VITAL_INTEREST: _("vital interests, Art. 6(1)(d)"),
        _B.PUBLIC_TASK: _("public task, Art. 6(1)(e)"),
        _B.LEGITIMATE_INTEREST: _("legitimate interests, Art. 6(1)(f)"),
    }
    return str(names.get(LegalBasis(basis), basis)) if basis else ""


def target_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a column can be beside a field of the catalogue, in groups."""
    return [
        (
            _("Also of the person"),
            [
                (_T.FULL_NAME, _("Full name, to be split")),
                (_T.TAGS, _("Tags")),
                (_T.ATTRIBUTES, _("Several fields as JSON")),
            ],
        ),
        (
            _("Where the person stands there"),
            [
                (_T.STATUS, _("Status, in a word")),
                (_T.CONFIRMED, _("Has confirmed: yes or no")),
                (_T.OPTED_OUT, _("Opted out: yes or no")),
                (_T.OPTED_OUT_AT, _("When the person opted out")),
                (_T.BOUNCED, _("Undeliverable: yes, no or why")),
                (_T.COMPLAINED, _("Complained of spam: yes or no")),
            ],
        ),
        (
            _("Evidence of the consent"),
            [
                (_T.AGREED_AT, _("When the person agreed")),
                (_T.IP, _("Network address (IP) of the act")),
                (_T.PROOF, _("Another proof of the act")),
                (_T.HOW, _("How the person agreed")),
                (_T.WORDS, _("The words agreed to")),
                (_T.SYSTEM, _("In which system")),
            ],
        ),
    ]
