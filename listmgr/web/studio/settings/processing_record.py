"""The record of processing as a page and a file (Art. 30 GDPR)."""

from __future__ import annotations

from itertools import groupby
from urllib.parse import urlsplit

from flask import Response, render_template
from flask_babel import gettext as _

from listmgr.context import services
from listmgr.kit.safe_csv import csv_lines
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.privacy.processing_record import RecordLine, controllers, record_lines
from listmgr.web.field_labels import (
    basis_name,
    category_name,
    kept_for,
)
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.filters import role_name
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import read_only_transaction


@bp.get("/record")
@requires(Right.SEE_RECORD)
def record() -> str:
    """Show all personal data stored, by table."""
    with read_only_transaction() as tx:
        return render_template(
            "studio/fields/record.html",
            groups=_grouped(record_lines(tx.session)),
            controllers=controllers(tx.session),
            mail_server=services().settings.mail.host,
            base=urlsplit(services().settings.base_url).hostname,
        )


@bp.get("/record.csv")
@requires(Right.SEE_RECORD, look=AuditAction.PROCESSING_RECORD_EXPORTED)
def record_file() -> Response:
    """Download the same as a spreadsheet."""
    with read_only_transaction() as tx:
        lines = record_lines(tx.session)
    return Response(
        csv_lines([_headings(), *map(_row, lines)]),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="record-of-processing.csv"'},
    )


def _grouped(lines: list[RecordLine]) -> list[list[RecordLine]]:
    """Group lines with the same reason and retention; the file has one row for each line."""

    def why(line: RecordLine) -> tuple[object, ...]:
        return line.persons, line.purpose, line.basis, line.retention, line.months

    return [list(lines) for _why, lines in groupby(lines, key=why)]


def _headings() -> list[str]:
    return [
        _("Where"),
        _("Data"),
        _("Persons"),
        _("Purpose"),
        _("Legal basis"),
        _("Category"),
        _("Kept"),
        _("Seen by"),
    ]


def _row(line: RecordLine) -> list[str]:
    return [
        line.source,
        line.label_de if language() == "de" else line.label_en,
        _(line.persons),
        _(line.purpose),
        basis_name(line.basis),
        category_name(line.category),
        kept_for(line.months) if line.months else _(line.retention),
        ", ".join(map(role_name, line.roles)),
    ]
