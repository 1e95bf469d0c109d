"""Copy rows into a temporary table, one line each."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from psycopg import Connection

from listmgr.consent.hash_chain import canonical
from listmgr.consent.methods import Method
from listmgr.imports.row_outcomes import (
    STOPS,
    RowOutcome,
)
from listmgr.imports.row_parser import ParsedRow
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import fingerprint

# Texts where a value may be missing: "" is none, and nothing has to be told from NULL on the way.
STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_stage (
  n bigint, key text, address text, envelope text, domain text, print text, language text,
  first_name text, last_name text, company text, attributes text, tags text, wish text,
  stopped_at text, fresh text, evidence text, agreed_at text, facts text) ON COMMIT DELETE ROWS"""
JUDGED = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_judged (
  n bigint, subscriber_id bigint, verdict text) ON COMMIT DELETE ROWS"""


def line(number: int, person: ParsedRow, key: bytes) -> str:
    """Return a person as one line of COPY."""
    address = person.address
    head = (
        str(number),
        address.key,
        address.display,
        address.envelope,
        address.domain,
        fingerprint(key, address.key).hex(),
        person.language,
        person.first_name,
        person.last_name,
        person.company,
    )
    if person.attributes or person.tags or person.evidence or person.lacking:
        rest = _rest(number, person)
    elif person.meaning in STOPS:
        rest = ("", "", person.meaning.value, _time(person.stopped_at), "", "", "", "")
    else:
        rest = _PLAIN
    text = "\t".join((*head, *rest))
    # No value holds a control character, so that a backslash is all there is to be escaped.
    return text.replace("\\", "\\\\") if "\\" in text else text


_PLAIN = ("", "", "", "", RowOutcome.NEW.value, "", "", "")


def _rest(number: int, person: ParsedRow) -> tuple[str, ...]:
    evidence = person.evidence
    stored = (
        {} if evidence is None else {**evidence.as_stored(), "address_typed": person.address.typed}
    )
    fresh = (
        RowOutcome.CONFIRMED
        if evidence
        else RowOutcome.NO_EVIDENCE
        if person.lacking
        else RowOutcome.NEW
    )
    return (
        json.dumps(person.attributes, ensure_ascii=False) if person.attributes else "",
        json.dumps(person.tags, ensure_ascii=False) if person.tags else "",
        "",
        "",
        fresh.value,
        canonical(stored) if evidence else "",
        evidence.agreed_at.isoformat() if evidence else "",
        "" if evidence is None else canonical(_facts(number, evidence.agreed_at.isoformat())),
    )


def _facts(number: int, agreed_at: str) -> dict[str, Any]:
    """Return the facts of imported evidence that stay in the ledger; none is personal."""
    return {"agreed_at": agreed_at, "method": Method.IMPORTED_EVIDENCE, "row": number}


def _time(at: object) -> str:
    return "" if at is None else str(at)


def fill(tx: Transaction, lines: bytes) -> None:
    """Copy lines into an empty staging table."""
    for table in (STAGE, JUDGED):
        tx.session.execute(sa.text(table))
    with raw(tx).cursor().copy("COPY import_stage FROM STDIN") as copy:
        copy.write(lines)


def raw(tx: Transaction) -> Connection[Any]:
    """Return the driver's connection of the same transaction."""
    connection = tx.session.connection().connection.driver_connection
    assert isinstance(connection, Connection)
    return connection
