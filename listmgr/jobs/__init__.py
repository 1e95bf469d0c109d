"""All background jobs, by the name the queue carries; each may run twice."""

from __future__ import annotations

from listmgr.jobs.bulk import (
    keep_journal,
    purge_many,
    run_bulk,
    sweep_many,
    write_export,
)
from listmgr.jobs.campaigns import drop_deliveries, knock, note_uses, send_slice, sweep_campaigns
from listmgr.jobs.cards import read_card_upload, sweep_cards, tidy_cards
from listmgr.jobs.consents import (
    anchor_ledger,
    clear_fields,
    expire_consents,
    process_address_change,
    process_signup,
    sweep_address_changes,
    sweep_signups,
    tidy_search,
)
from listmgr.jobs.imports import erase_from_imports, purge_imports, sweep_imports, work_import
from listmgr.jobs.service_mail import (
    send_card_reply,
    send_service_mail,
    sweep_service_mails,
)

__all__ = [
    "anchor_ledger",
    "clear_fields",
    "drop_deliveries",
    "erase_from_imports",
    "expire_consents",
    "keep_journal",
    "knock",
    "note_uses",
    "process_address_change",
    "process_signup",
    "purge_imports",
    "purge_many",
    "read_card_upload",
    "run_bulk",
    "send_card_reply",
    "send_service_mail",
    "send_slice",
    "sweep_address_changes",
    "sweep_campaigns",
    "sweep_cards",
    "sweep_imports",
    "sweep_many",
    "sweep_service_mails",
    "sweep_signups",
    "tidy_cards",
    "tidy_search",
    "work_import",
    "write_export",
]
