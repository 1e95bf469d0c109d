"""The record of processing (Art. 30 GDPR): every personal column and its purpose (L-34).

Generated from the field catalogue and the columns marked as personal, so that it covers everything
the database holds. A test fails until REASONS covers a new table's personal columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.db import Base
from listmgr.kit.i18n import N_
from listmgr.lists.models import MailingList
from listmgr.subscribers.custom_fields import custom_fields
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    FieldCategory,
    LegalBasis,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a table holds personal data: whose, purpose, legal basis, retention."""

    persons: str
    purpose: str
    basis: LegalBasis
    retention: str


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One kind of data. `months` is a custom field's retention, `retention` that of all others."""

    source: str
    label_de: str
    label_en: str
    persons: str
    purpose: str
    basis: LegalBasis
    category: FieldCategory
    retention: str
    months: int | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller and the lists it is responsible for."""

    name: str
    imprint: str
    lists: tuple[str, ...]


_SUBSCRIBERS = N_("Subscribers")
_STAFF = N_("Staff")
_CARDS = N_("People whose business card was taken")
_WITH_CONSENT = N_("As long as a consent is on record; erased when the person asks for it.")

REASONS = {
    "subscribers": Reason(
        _SUBSCRIBERS,
        N_("To send what the person has agreed to, and to prove that they have."),
        LegalBasis.CONSENT,
        _WITH_CONSENT,
    ),
    "consent_evidence": Reason(
        _SUBSCRIBERS,
        N_("To prove when, how and by what words somebody agreed (Article 7(1))."),
        LegalBasis.LEGAL_OBLIGATION,
        N_("With the consent it proves; erased at once when nobody confirms in time."),
    ),
    "signups": Reason(
        N_("Visitors who filled in a form"),
        N_("To look at a sign-up where nobody can watch whether we know the address."),
        LegalBasis.CONSENT,
        N_("Until it has been looked at: seconds."),
    ),
    "address_changes": Reason(
        N_("Subscribers who want their mail at another address"),
        N_("To ask the new mailbox before anything is sent there."),
        LegalBasis.CONSENT,
        N_("Until the new mailbox has answered; at most as long as the confirmation link works."),
    ),
    "signup_answers": Reason(
        N_("Visitors who filled in a form"),
        N_("To write what was filled in to the person, once they have confirmed it."),
        LegalBasis.CONSENT,
        N_("Until the person confirms; at most as long as the confirmation link works."),
    ),
    "service_mails": Reason(
        N_("Visitors who filled in a form"),
        N_("To limit how many confirmation mails one mailbox or domain gets."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("Without the address, as a keyed fingerprint; erased with the person."),
    ),
    "suppressions": Reason(
        N_("People who want no mail"),
        N_("To keep mail away from those who have objected, or whose mailbox refuses it."),
        LegalBasis.LEGAL_OBLIGATION,
        N_("Permanently, as a keyed fingerprint without the address; only the person can lift it."),
    ),
    "deliveries": Reason(
        _SUBSCRIBERS,
        N_("To tell why a mail did not arrive: what the mail server answered."),
        LegalBasis.LEGITIMATE_INTEREST,
        _WITH_CONSENT,
    ),
    "erasure_journal": Reason(
        N_("People who have been erased"),
        N_("To erase them again should a backup be brought back."),
        LegalBasis.LEGAL_OBLIGATION,
        N_("Permanently, as a keyed fingerprint without the address."),
    ),
    "journal_entries": Reason(
        N_("People who withdrew, objected, were restricted or erased"),
        N_("To do it again should a backup be brought back."),
        LegalBasis.LEGAL_OBLIGATION,
        N_("90 days, as a keyed fingerprint without the address; the copy outside for good."),
    ),
    "selections": Reason(
        _SUBSCRIBERS,
        N_("To find the people an act on many of them is meant for."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("Until the act on them begins, a day at most."),
    ),
    "bulk_acts": Reason(
        _SUBSCRIBERS,
        N_("To change what is kept of many people at once, and to tell what was changed."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("30 days, as long as the change can be undone."),
    ),
    "bulk_undo_values": Reason(
        _SUBSCRIBERS,
        N_("To undo a change of many people that was a mistake."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("30 days, as long as the change can be undone."),
    ),
    "export_pieces": Reason(
        _SUBSCRIBERS,
        N_("To hand a file to the operator who asked for it with a reason."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("24 hours; less when somebody in the file is erased."),
    ),
    "operators": Reason(
        _STAFF,
        N_("To let staff sign in, and to know who did what."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("As long as the account exists or the audit log names it."),
    ),
}
# What is known of a card, and what was handed in to read it from.
REASONS |= dict.fromkeys(
    ("cards", "card_uploads", "card_captures", "card_replies"),
    Reason(
        _CARDS,
        N_("To answer people who gave their card, and to ask whether they want our mail."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_("Until the day shown at the card, unless the person agrees; pictures go once reviewed."),
    ),
)
REASONS |= dict.fromkeys(
    ("import_pieces", "import_lines", "import_rows", "import_keys", "import_erasures"),
    Reason(
        N_("People in files that operators bring from other programs"),
        N_("To look a file through before anybody is taken in, and to give back what was not."),
        LegalBasis.LEGITIMATE_INTEREST,
        N_(
            "Some days after the import has ended; at once when it is cancelled or they are erased."
        ),
    ),
)
# What differs from the rest of its table.
COLUMNS = {
    "service_mails.network": N_(
        "To let sign-ups take turns by network when there are too many; empty after a day."
    ),
    "service_mails.last_error": N_("To tell why a confirmation mail did not arrive."),
    "subscribers.tags": N_("To find those who belong together, without a field of its own."),
    "subscribers.basis_note": N_("To note what the data of an older source rest on."),
    "subscribers.attributes": N_("Holds the values of the fields that are listed below."),
    "subscribers.fingerprint": N_("To find whether the address is blocked."),
    "subscribers.domain": N_("To send at the pace each provider takes, and to find people by it."),
}


def record_lines(session: Session) -> list[RecordLine]:
    """Return every column with personal data, then every custom field, including archived ones."""
    return [*_columns(), *_custom(session)]


def _columns() -> Iterator[RecordLine]:
    core = {f"subscribers.{'address' if f.key == 'email' else f.key}": f for f in CORE_FIELDS}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if not column.info.get("personal"):
                continue
            reason, source = REASONS[table.name], f"{table.name}.{column.name}"
            field = core.get(source)
            name = column.name.replace("_", " ")
            yield RecordLine(
                source=source,
                label_de=field.label_de if field else name,
                label_en=field.label_en if field else name,
                persons=reason.persons,
                purpose=field.purpose if field else COLUMNS.get(source, reason.purpose),
                basis=field.basis if field else reason.basis,
                category=field.category if field else FieldCategory.IDENTIFYING,
                retention=reason.retention,
                months=None,
                roles=(),
            )


def _custom(session: Session) -> Iterator[RecordLine]:
    for row in custom_fields(session):
        yield RecordLine(
            source=f"subscribers.attributes.{row.key}",
            label_de=row.label_de,
            label_en=row.label_en,
            persons=_SUBSCRIBERS,
            purpose=row.purpose,
            basis=row.basis,
            category=row.category,
            retention="",
            months=row.retention_months,
            roles=tuple(row.roles),
        )


def controllers(session: Session) -> list[Controller]:
    """Return the controllers named by the lists."""
    grouped: dict[tuple[str, str], list[str]] = {}
    order = (MailingList.archived_at.is_not(None), MailingList.id)
    for mailing_list in session.scalars(sa.select(MailingList).order_by(*order)):
        who = (mailing_list.controller or mailing_list.sender_name, mailing_list.imprint)
        grouped.setdefault(who, []).append(mailing_list.name)
    return [Controller(name, imprint, tuple(lists)) for (name, imprint), lists in grouped.items()]
