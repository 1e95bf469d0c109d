"""What a refusal leads to, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listmgr.delivery.smtp.reply_codes import (
    DELAYS,
    RefusalKind,
    advice,
    classify_refusal,
    explain,
    is_domain_wide,
)
from tests.conftest import NOW


@pytest.mark.parametrize(
    ("code", "reply", "kind"),
    [
        (550, "5.1.1 no such user", RefusalKind.FAILED_SUPPRESS),
        (550, "5.1.2 bad domain", RefusalKind.FAILED_SUPPRESS),
        (553, "5.1.3 bad syntax", RefusalKind.FAILED_SUPPRESS),
        (551, "5.1.6 moved", RefusalKind.FAILED_SUPPRESS),
        (556, "5.1.10 null MX", RefusalKind.FAILED_SUPPRESS),
        (550, "5.2.1 disabled", RefusalKind.FAILED_SUPPRESS),
        (552, "5.2.2 mailbox full", RefusalKind.RETRY),
        (452, "4.2.2 mailbox full", RefusalKind.RETRY),
        (451, "4.7.1 greylisted", RefusalKind.RETRY),
        (421, "try later", RefusalKind.RETRY),
        (550, "5.7.1 policy", RefusalKind.SENDER_FAULT),
        (550, "5.7.26 unauthenticated", RefusalKind.SENDER_FAULT),
        (550, "5.7.515 Access denied", RefusalKind.SENDER_FAULT),
        (552, "5.3.4 too big", RefusalKind.SENDER_FAULT),
        (553, "5.6.7 SMTPUTF8", RefusalKind.FAILED),
        (550, "user unknown", RefusalKind.FAILED),
        # RFC 7372, and other ways to say that the sender is at fault.
        *((550, f"5.7.{n} auth", RefusalKind.SENDER_FAULT) for n in range(20, 27)),
        (550, "5.1.8 bad sender", RefusalKind.SENDER_FAULT),
        (553, "5.1.7 bad sender", RefusalKind.SENDER_FAULT),
        (530, "Must issue a STARTTLS command first", RefusalKind.SENDER_FAULT),
        (535, "5.7.8 bad credentials", RefusalKind.SENDER_FAULT),
        (550, "5.7.17 owner has changed", RefusalKind.FAILED_SUPPRESS),
        # The enhanced code is trusted over the basic one.
        (550, "4.2.0 come back", RefusalKind.RETRY),
    ],
)
def test_m07_codes_lead_to_their_verdict(code: int, reply: str, kind: RefusalKind):
    told = classify_refusal(code, reply, 1, at=NOW, jitter=0.5)
    assert told.kind is kind
    assert reply in told.explanation
    assert (told.next_attempt_at is not None) == (
        kind in {RefusalKind.RETRY, RefusalKind.SENDER_FAULT}
    )


def test_m07_waiting_grows_and_ends():
    waits = []
    for attempt in range(1, len(DELAYS) + 1):
        told = classify_refusal(451, "later", attempt, at=NOW, jitter=0.5)
        assert told.next_attempt_at is not None
        waits.append(told.next_attempt_at - NOW)
    assert waits == list(DELAYS)
    assert sum(waits, timedelta()) < timedelta(hours=72)
    assert (
        classify_refusal(451, "later", len(DELAYS) + 1, at=NOW, jitter=0.5).kind
        is RefusalKind.GIVEN_UP
    )


def test_f03_blaming_the_sender_uses_attempts_up():
    last = classify_refusal(550, "5.7.1 policy", len(DELAYS), at=NOW, jitter=0.5)
    assert last.next_attempt_at == NOW + DELAYS[-1]
    over = classify_refusal(550, "5.7.1 policy", len(DELAYS) + 1, at=NOW, jitter=0.5)
    assert (over.kind, over.next_attempt_at) == (RefusalKind.SENDER_FAULT, None)


@pytest.mark.parametrize(
    ("code", "reply", "kind"),
    [
        (550, "sender rejected", RefusalKind.SENDER_FAULT),
        (553, "5.1.1 no such sender", RefusalKind.SENDER_FAULT),
        (451, "4.3.2 come back", RefusalKind.RETRY),
        # RFC 6531: these are about one recipient's SMTPUTF8.
        (555, "parameter not known", RefusalKind.FAILED),
        (550, "5.6.7 no SMTPUTF8 here", RefusalKind.FAILED),
    ],
)
def test_f03_what_is_refused_at_mail_from_is_about_the_sender(
    code: int, reply: str, kind: RefusalKind
):
    found = classify_refusal(code, reply, 1, at=NOW, jitter=0.5, before_recipient=True)
    assert found.kind is kind


def test_jitter_spreads_by_a_fifth():
    early = classify_refusal(451, "", 1, at=NOW, jitter=0).next_attempt_at
    late = classify_refusal(451, "", 1, at=NOW, jitter=1).next_attempt_at
    assert early == NOW + DELAYS[0] * 0.8
    assert late == NOW + DELAYS[0] * 1.2


def test_explanations_are_plain():
    assert explain(550, "5.7.26 x").startswith("Neither SPF nor DKIM proves the sender.")
    assert explain(550, "5.7.999 x").startswith("The receiving server refuses the sender")
    assert explain(550, "5.1.1 x").startswith("There is no such mailbox.")


def test_m18_every_code_of_rfc_7372_has_a_sentence_of_its_own():
    said = {advice(550, f"5.7.{n} no") for n in range(20, 27)}
    assert len(said) == 7
    assert advice(550, "5.7.999 no") not in said


@pytest.mark.parametrize(
    ("code", "reply", "whole"),
    [
        (421, "4.7.0 too many", True),
        (421, "try later", True),
        (451, "4.3.2 not accepting", True),
        (452, "4.2.2 mailbox full", False),
        (450, "4.1.1 no such user yet", False),
        (550, "5.1.1 no such user", False),
    ],
)
def test_what_speaks_for_a_whole_domain(code: int, reply: str, whole: bool):
    assert is_domain_wide(code, reply) is whole


def test_greylisting_is_nobodys_fault():
    assert advice(451, "4.7.1 greylisted") == "The receiving server asks us to come back later."
    assert (
        advice(421, "4.7.0 try again later") == "The receiving server asks us to come back later."
    )
    assert "policy" in advice(550, "5.7.1 denied")
    assert "too much mail" in advice(421, "4.7.28 slow down")
