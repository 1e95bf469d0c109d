"""What each pass does with a prepared batch, in one transaction with the mark that it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from listmgr.imports.batches import Prepared
from listmgr.imports.lifecycle import ImportStatus
from listmgr.imports.load import Aim, act, counts, judge, worth_keeping
from listmgr.imports.models import Import, ImportBatch, ImportKey, ImportRow, Phase
from listmgr.imports.stage import fill, raw
from listmgr.imports.verdicts import BY_FILE, REFUSED, Verdict
from listmgr.kit.texts import N_
from listmgr.kit.transaction import Transaction

# So many of each verdict are kept to be looked at; of the refused ones all are.
SHOWN = 10
KEY = 16

REASONS: Mapping[Verdict, str] = {
    Verdict.DUPLICATE: N_("The person stands further up in this file."),
    Verdict.STOPPED: N_("Another row of this file says that the person opted out."),
    Verdict.SUPPRESSED: N_("The address is blocked. Only the person's own confirmation lifts it."),
    Verdict.RESTRICTED: N_("Processing of this person's data is restricted; nothing is changed."),
    Verdict.WITHDRAWN: N_("The person has withdrawn or refused this before."),
    Verdict.OUTDATED: N_("The person opted out there, and has confirmed here since."),
}


class Stopped(Exception):
    """The import was paused, cancelled, described anew, or taken over by another worker."""


@dataclass(frozen=True, slots=True)
class Work:
    """One pass over one file by one worker."""

    phase: Phase
    aim: Aim
    columns: Sequence[str]
    holder: str
    status: ImportStatus


def do(tx: Transaction, work: Work, made: Prepared, *, at: datetime) -> None:
    """Deal with a batch; raises Stopped when it is not this worker's to do any more."""
    check_held(tx, work)
    # A batch and its mark go together: what a crash of the machine takes back is done again.
    tx.session.execute(sa.text("SET LOCAL synchronous_commit = off"))
    found = {
        Phase.STOPS: _note_stops,
        Phase.CHECK: _look,
        Phase.RUN: _run,
    }[work.phase](tx, work, made, at)
    verdicts = Counter(verdict.value for verdict, _why in found.values())
    if work.phase is not Phase.STOPS:
        verdicts.update(counts(tx))
    tx.session.add(
        ImportBatch(
            import_id=work.aim.import_id,
            phase=work.phase,
            number=made.batch.number,
            rows=len(made.batch.rows),
            verdicts=dict(verdicts),
        )
    )
    tx.session.flush()
    if work.phase is not Phase.STOPS:
        _keep(tx, work, made, found | _judged(tx, work, made))


def check_held(tx: Transaction, work: Work) -> None:
    """Raise Stopped unless the import is still what this worker took it for."""
    row = tx.session.execute(
        sa.select(Import.status, Import.holder).where(Import.id == work.aim.import_id)
    ).one_or_none()
    if row is None or row.status is not work.status or row.holder != work.holder:
        raise Stopped


# Rows the file alone decides, or that are to be kept: verdict and sentence by their number.
Found = dict[int, tuple[Verdict, str]]


def _note_stops(tx: Transaction, work: Work, made: Prepared, _at: datetime) -> Found:
    _remember(tx, work, {number: made.prints[number] for number in made.stops}, stops=True)
    return {}


def _look(tx: Transaction, work: Work, made: Prepared, _at: datetime) -> Found:
    found = _twice(tx, work, made)
    _stage(tx, work, made, found)
    return found | made.refused


def _run(tx: Transaction, work: Work, made: Prepared, at: datetime) -> Found:
    last = made.batch.first + len(made.batch.rows) - 1
    rows = tx.session.execute(
        sa.select(ImportRow.number, ImportRow.verdict, ImportRow.reason).where(
            ImportRow.import_id == work.aim.import_id,
            ImportRow.phase == Phase.CHECK,
            ImportRow.number.between(made.batch.first, last),
            ImportRow.verdict.in_(BY_FILE),
        )
    )
    found = {row.number: (Verdict(row.verdict), row.reason) for row in rows}
    _stage(tx, work, made, found)
    act(tx, work.aim, at=at)
    return found | made.refused


def _stage(tx: Transaction, work: Work, made: Prepared, without: Iterable[int]) -> None:
    left_out = set(without)
    fill(tx, (text for number, text in made.lines.items() if number not in left_out))
    judge(tx, work.aim)


def _judged(tx: Transaction, work: Work, made: Prepared) -> Found:
    """The staged rows that may be kept, as the database judged them."""
    shown = SHOWN if work.phase is Phase.CHECK else 0
    return {
        number: (
            Verdict(verdict),
            made.lacking.get(number, "") or REASONS.get(Verdict(verdict), ""),
        )
        for number, verdict in worth_keeping(tx, shown=shown)
    }


def _twice(tx: Transaction, work: Work, made: Prepared) -> Found:
    """Rows of people who stand further up in the file, or who opted out anywhere in it."""
    mine = {n: print_ for n, print_ in made.prints.items() if n not in made.stops}
    keys = {bytes.fromhex(print_)[:KEY] for print_ in mine.values()}
    rows = tx.session.execute(
        sa.select(ImportKey.key, ImportKey.stops).where(
            ImportKey.import_id == work.aim.import_id, ImportKey.key.in_(keys)
        )
    )
    seen = {row.key: Verdict.STOPPED if row.stops else Verdict.DUPLICATE for row in rows}
    found: Found = {}
    for number, print_ in mine.items():
        key = bytes.fromhex(print_)[:KEY]
        verdict = seen.get(key)
        if verdict is None:
            seen[key] = Verdict.DUPLICATE
        else:
            found[number] = (verdict, REASONS[verdict])
    _remember(tx, work, {n: mine[n] for n in mine if n not in found}, stops=False)
    return found


def _remember(tx: Transaction, work: Work, prints: Mapping[int, str], *, stops: bool) -> None:
    keys = {bytes.fromhex(print_)[:KEY] for print_ in prints.values()}
    if not keys:
        return
    tx.session.execute(
        sa.text(
            "INSERT INTO import_keys (import_id, key, stops)"
            " SELECT :id, key, :stops FROM unnest(CAST(:keys AS bytea[])) key"
            " ORDER BY key ON CONFLICT DO NOTHING"
        ),
        {"id": work.aim.import_id, "keys": list(keys), "stops": stops},
    )


def _keep(tx: Transaction, work: Work, made: Prepared, found: Found) -> None:
    """Keep the refused rows, and in the look before also the first of each other verdict."""
    left = _still_to_show(tx, work) if work.phase is Phase.CHECK else {}
    kept = []
    for number in sorted(found):
        verdict, reason = found[number]
        if verdict in REFUSED or left.get(verdict, 0) > 0:
            left[verdict] = left.get(verdict, 0) - 1
            kept.append((number, verdict.value, reason, made.cells(number, work.columns)))
    if not kept:
        return
    with (
        raw(tx)
        .cursor()
        .copy(
            "COPY import_rows (import_id, phase, number, verdict, reason, cells) FROM STDIN"
        ) as copy
    ):
        for number, verdict_, reason, cells in kept:
            copy.write_row((work.aim.import_id, work.phase.value, number, verdict_, reason, cells))


def _still_to_show(tx: Transaction, work: Work) -> dict[Verdict, int]:
    shown = Counter(
        {
            row.verdict: row.count_
            for row in tx.session.execute(
                sa.select(ImportRow.verdict, sa.func.count().label("count_"))
                .where(
                    ImportRow.import_id == work.aim.import_id,
                    ImportRow.phase == Phase.CHECK,
                    ImportRow.verdict.not_in(REFUSED),
                )
                .group_by(ImportRow.verdict)
            )
        }
    )
    return {verdict: SHOWN - shown[verdict.value] for verdict in Verdict if verdict not in REFUSED}
