"""Classify SMTP refusals (RFC 3463): retry, give up, block the address, or fix the sender."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from listmgr.kit.i18n import N_

# Six attempts within three days; M-07: soft failures end.
DELAYS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
JITTER = 0.2
# A mailbox given up in so many campaigns within so many days is dead (M-07).
SOFT_MOST, SOFT_WITHIN = 3, timedelta(days=60)
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# There is no such mailbox, or its domain takes no mail: writing again harms the sender's name.
_NO_SUCH_MAILBOX = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
# RFC 7293: the mailbox, or its domain, has another owner now than the one who agreed.
_NOT_THE_PERSON = frozenset({"7.17", "7.18"})
# As deliveries keep what became of them: after these the address has been blocked.
BLOCKING = sorted(f"5.{detail}" for detail in _NO_SUCH_MAILBOX | _NOT_THE_PERSON)
_BAD_SENDER = frozenset({"1.7", "1.8"})
_SIGN_IN = frozenset({530, 534, 535, 538})
_TOO_LARGE = frozenset({"2.3", "3.4"})
# At MAIL FROM these, and code 555, are about SMTPUTF8 for one recipient (RFC 6531), not the sender.
_OF_THE_ENVELOPE = frozenset({"5.4", "6.7"})
# As a refusal for now these are greylisting: the fault is nobody's.
_COME_BACK = frozenset({"7.0", "7.1"})


class RefusalKind(enum.StrEnum):
    """What follows from a refusal. GIVEN_UP: a temporary one that lasted too long.

    SENDER_FAULT: the sender is blamed, not the person; one server alone proves little.
    """

    RETRY = "retry"
    FAILED = "failed"
    FAILED_SUPPRESS = "failed_suppress"
    GIVEN_UP = "given_up"
    SENDER_FAULT = "sender_fault"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A classified refusal. `next_attempt_at` is set for RETRY, and for SENDER_FAULT while attempts
    are left.

    `explanation` is for operators, in plain words.
    """

    kind: RefusalKind
    explanation: str
    next_attempt_at: datetime | None = None


# By the enhanced code after its class digit; the providers' own codes of 2025/26 among them.
_SENDER_FAULTS = {
    "1.7": N_("The envelope sender's address is written in a way the server does not take."),
    "1.8": N_("The envelope sender's domain does not exist or takes no mail. Correct the sender."),
    "7.0": N_("The mail server wants us to sign in, or refuses our account. Look at the sender."),
    "7.8": N_("The mail server does not accept the user name or password. Look at the sender."),
    "7.21": N_("The DKIM signature is not of a kind the receiver accepts."),
    "7.22": N_("The DKIM signature is not of the From domain. Let the server sign with that one."),
    "7.24": N_("SPF cannot be checked: the record of the sender's domain is broken. Correct it."),
    "7.1": N_("The receiving server refuses mail from this sender as a matter of its policy."),
    "7.20": N_("The DKIM signature of the mail is not accepted."),
    "7.23": N_("SPF does not allow this server to send for the domain. Add it to the SPF record."),
    "7.25": N_("The sending server has no matching reverse DNS (PTR) entry."),
    "7.26": N_("Neither SPF nor DKIM proves the sender. Set both up for the sender's domain."),
    "7.27": N_("SPF does not pass. Add the mail server to the SPF record of the sender's domain."),
    "7.28": N_(
        "The receiving provider sees too much mail at once from this sender. Send more slowly."
    ),
    "7.29": N_("The receiving provider wants TLS. Use smtp+starttls or smtps."),
    "7.30": N_("DKIM does not pass. Let the mail server sign with the sender's domain."),
    "7.31": N_("There is no valid DMARC record for the sender's domain. Publish one."),
    "7.32": N_("The From domain agrees with neither SPF nor DKIM (alignment)."),
    "7.40": N_("The sender's domain has no DMARC policy. Publish at least p=none."),
    "7.515": N_("Microsoft wants SPF, DKIM and DMARC of the sender's domain to pass."),
    "3.4": N_("The mail is too large for the server. Make it smaller."),
    "2.3": N_("The mail is larger than the mailbox's limit. Make it smaller."),
}
_OF_THE_MAILBOX = {
    **dict.fromkeys(_NO_SUCH_MAILBOX, N_("There is no such mailbox.")),
    **dict.fromkeys(_NOT_THE_PERSON, N_("The mailbox belongs to somebody else now.")),
    "2.2": N_("The mailbox is full."),
    "6.7": N_("The server takes no address with letters beyond ASCII (SMTPUTF8)."),
}
_GENERAL_FAULT = N_(
    "The receiving server refuses the sender or its authentication, not the person."
)


def enhanced(reply: str) -> tuple[str, str] | None:
    """Return class and detail of a reply's enhanced status code: ("5", "1.1"), or None."""
    match = _ENHANCED.search(reply)
    return (match[1], f"{int(match[2])}.{int(match[3])}") if match else None


def classify_refusal(
    code: int,
    reply: str,
    attempt: int,
    *,
    at: datetime,
    jitter: float,
    before_recipient: bool = False,
) -> Refusal:
    """Return what to do about a refusal. `attempt` counts from 1; `jitter` is in 0..1.

    The enhanced code outranks the text and the basic code's class. A permanent refusal
    `before_recipient` concerns the sender, whatever it says.
    """
    kind, detail = enhanced(reply) or (str(code)[:1], "")
    early = before_recipient and kind == "5" and detail not in _OF_THE_ENVELOPE and code != 555
    if early or _is_senders_fault(kind, detail, code):
        later = at + _delay(attempt, jitter) if attempt <= len(DELAYS) else None
        return Refusal(RefusalKind.SENDER_FAULT, explain(code, reply), later)
    if kind == "4" or detail == "2.2":
        return _later(code, reply, attempt, at, jitter)
    dead = detail in _NO_SUCH_MAILBOX or detail in _NOT_THE_PERSON
    return Refusal(
        RefusalKind.FAILED_SUPPRESS if dead else RefusalKind.FAILED, explain(code, reply)
    )


def _is_senders_fault(kind: str, detail: str, code: int) -> bool:
    if not detail:
        return code in _SIGN_IN
    if kind != "5" or detail in _NOT_THE_PERSON:
        return False
    return detail.startswith("7.") or detail in _BAD_SENDER or detail in _TOO_LARGE


def is_domain_wide(code: int, reply: str) -> bool:
    """Whether a temporary refusal concerns the receiving server rather than one mailbox.

    RFC 3463: x.1 and x.2 are the address and its mailbox, x.6 is the mail's content; x.3, x.4 and
    x.7 are the system, the network and its policy. Without an enhanced code it may be either.
    """
    status_code = enhanced(reply)
    if status_code is None:
        return 400 <= code < 500
    return status_code[0] == "4" and status_code[1][0] not in "126"


def _later(code: int, reply: str, attempt: int, at: datetime, jitter: float) -> Refusal:
    if attempt > len(DELAYS):
        return Refusal(
            RefusalKind.GIVEN_UP, f"Given up after {attempt} attempts: {explain(code, reply)}"
        )
    return Refusal(RefusalKind.RETRY, explain(code, reply), at + _delay(attempt, jitter))


def _delay(attempt: int, jitter: float) -> timedelta:
    return DELAYS[attempt - 1] * (1 + JITTER * (2 * jitter - 1))


def explain(code: int, reply: str) -> str:
    """Explain a refusal to marketers, followed by the server's own words."""
    return f"{advice(code, reply)} ({code} {reply})"


def advice(code: int, reply: str) -> str:
    """Return what a refusal means and what to do, as a translatable message."""
    status_code = enhanced(reply)
    kind, detail = status_code or (str(code)[:1], "")
    comes_back = kind == "4" and detail in _COME_BACK
    if not comes_back and detail in _SENDER_FAULTS and (kind == "5" or detail.startswith("7.")):
        return _SENDER_FAULTS[detail]
    if not status_code and code in _SIGN_IN:
        return _SENDER_FAULTS["7.0"]
    if detail in _OF_THE_MAILBOX:
        return _OF_THE_MAILBOX[detail]
    if detail.startswith("7.") and not comes_back:
        return _GENERAL_FAULT
    if kind == "4":
        return N_("The receiving server asks us to come back later.")
    return N_("The receiving server refused the mail.")
