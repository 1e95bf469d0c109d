"""Decide whether a row proves a consent: time, method, wording, place and mark (L-01, L-03)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from listmgr.imports.value_parsing import moment
from listmgr.kit.i18n import N_


@dataclass(frozen=True, slots=True)
class Evidence:
    """The five parts of a proof; `mark` is the network address or other trace of the act itself."""

    agreed_at: datetime
    as_written: str
    how: str
    words: str
    system: str
    ip: str
    proof: str

    def as_stored(self) -> dict[str, str]:
        """Return it as stored in the erasable evidence beside the ledger."""
        return {**asdict(self), "agreed_at": self.agreed_at.isoformat()}


def prove(
    *, at: str, how: str, words: str, system: str, ip: str, proof: str, now: datetime
) -> Evidence | str:
    """Return the evidence if it is complete, else the message that says what is missing."""
    agreed_at = moment(at)
    if agreed_at is None:
        return N_("The time when the person agreed is missing or unclear.")
    if agreed_at > now:
        return N_("The person is said to have agreed in the future.")
    lacking = {
        N_("How the person agreed is missing."): how,
        N_("The consent text the person agreed to is missing."): words,
        N_("The system in which the person agreed is missing."): system,
        N_("There is neither a network address nor another proof of the act."): ip or proof,
    }
    for sentence, value in lacking.items():
        if not value:
            return sentence
    return Evidence(agreed_at, at, how, words, system, ip, proof)
