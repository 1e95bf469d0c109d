"""Pages of imports: upload, map columns, check, run, watch, result."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from listmgr.context import services
from listmgr.imports import control
from listmgr.imports.column_mapping import foreign_title
from listmgr.imports.file_store import kept
from listmgr.imports.lifecycle import ENDED, ImportStatus
from listmgr.imports.mapping_form import (
    Description,
    checked,
)
from listmgr.imports.models import Import, Phase
from listmgr.imports.plan import Plan, Target, Update
from listmgr.imports.progress import import_progress as stand
from listmgr.imports.progress import imports as find_imports
from listmgr.imports.progress import odd_rows, samples, stands
from listmgr.imports.readers.csv_rows import Shape
from listmgr.imports.readers.tables import (
    FileInspection,
    inspect_file,
)
from listmgr.imports.rejects_csv import refused_csv
from listmgr.imports.row_outcomes import (
    Meaning,
    RowOutcome,
)
from listmgr.imports.value_parsing import (
    STATUS_WORDS,
    plain_word,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.lists.purposes import open_purposes
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    LegalBasis,
    visible_fields,
)
from listmgr.web.field_labels import basis_name
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.confirmation_page import confirmation
from listmgr.web.studio.filters import number
from listmgr.web.studio.guard import requires
from listmgr.web.studio.imports.labels import (
    column_name,
    import_state,
    meaning_name,
    target_groups,
    verdict_name,
)
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

SHOWN_CELLS = 3
# How large a file may be is a setting, and looked at when it is kept.
MOST_SENT = 2 << 30
MOST_WORDS = 20
_WORDS = {
    "verdict_name": verdict_name,
    "import_state": import_state,
    "meaning_name": meaning_name,
    "basis_name": basis_name,
    "column_name": column_name,
}


@bp.get("/imports")
@requires(Right.SEE_IMPORTS)
def imports() -> str:
    """List all imports, newest first."""
    with read_only_transaction() as tx:
        page = find_imports(tx.session, before=parse_id(request.args.get("before")), limit=50)
        rows = list(zip(page, stands(tx.session, page), strict=True))
        older = page[-1].id if len(page) == 50 else None
        return render_template("studio/imports/all.html", rows=rows, older=older, **_WORDS)


@bp.get("/imports/new")
@requires(Right.IMPORT_SUBSCRIBERS)
def new_import() -> str:
    """Show the upload form."""
    return _upload("")


@bp.post("/imports/new")
@requires(Right.IMPORT_SUBSCRIBERS, most=MOST_SENT)
def upload_import() -> ResponseReturnValue:
    """Store the file and inspect its beginning."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _upload(_("Choose a file.")), 422
    try:
        with write_transaction() as tx:
            created = control.upload(
                tx, file.stream, file.filename, fields=_fields(tx), language=language(),
                operator_id=current_operator().id, at=now(),
            )  # fmt: skip
            log_audit(tx, AuditAction.IMPORT_UPLOADED, created.id, sha256=created.sha256.hex())
    except InvalidInput as error:
        return _upload(translate_error(error)), 422
    return redirect(url_for("studio.describe_import", import_id=created.id), 303)


def _upload(problem: str) -> str:
    most = services().settings.import_megabytes
    return render_template("studio/imports/new.html", problem=problem, most=most)


def _fields(tx: Transaction) -> tuple[CatalogueField, ...]:
    return visible_fields(tx.session, current_operator().role)


@bp.get("/imports/<key:import_id>/describe")
@requires(Right.IMPORT_SUBSCRIBERS, look=AuditAction.IMPORT_ROWS_VIEWED)
def describe_import(import_id: int) -> str:
    """Show each column with sample cells, its suggested target, and the declaration."""
    with read_only_transaction() as tx:
        record = control.get_import(tx.session, import_id)
        return _describe(tx, record, _as_described(record), {})


@bp.post("/imports/<key:import_id>/describe")
@requires(Right.IMPORT_SUBSCRIBERS)
def check_import(import_id: int) -> ResponseReturnValue:
    """Store the mapping and check the whole file."""
    with read_only_transaction() as tx:
        record = control.get_import(tx.session, import_id)
        description = _sent(record)
    try:
        with write_transaction() as tx:
            good = checked(tx.session, description, _fields(tx))
            control.describe(
                tx,
                import_id,
                good.plan,
                good.purpose_id,
                good.declared,
                operator_id=current_operator().id,
            )
            control.start_check(tx, import_id)
            log_audit(tx, AuditAction.IMPORT_MAPPED, import_id, basis=good.declared.basis)
    except InvalidInput as error:
        with read_only_transaction() as tx:
            return _describe(
                tx, control.get_import(tx.session, import_id), description, error.fields
            ), 422
    return redirect(url_for("studio.import_page", import_id=import_id), 303)


@bp.post("/imports/<key:import_id>/reading")
@requires(Right.IMPORT_SUBSCRIBERS)
def read_import_otherwise(import_id: int) -> ResponseReturnValue:
    """Read the file with another encoding, delimiter or header."""
    form = request.form
    shape = Shape(
        form.get("encoding", "utf-8-sig"), form.get("delimiter", ","), header="header" in form
    )
    try:
        with write_transaction() as tx:
            record = control.get_import(tx.session, import_id)
            file = kept(services().unit_of_work, import_id, record.size)
            control.read_otherwise(tx, import_id, file, shape, _fields(tx))
            log_audit(tx, AuditAction.IMPORT_REPARSED, import_id)
    except InvalidInput as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.describe_import", import_id=import_id), 303)


def _as_described(record: Import) -> Description:
    plan = Plan.from_stored(record.plan)
    return Description(
        columns=plan.columns, words=plan.words, tables=plan.tables, language=plan.language,
        purpose_id=record.purpose_id or 0, update=plan.update.value, confirm=plan.confirm,
        how=plan.how, wording=plan.wording, system=plan.system, source=record.source,
        basis=record.basis, statement=record.statement,
        foreign=plan.foreign,
    )  # fmt: skip


def _sent(record: Import) -> Description:
    form = request.form
    texts = ("language", "update", "how", "wording", "system", "source", "basis", "statement")
    return Description(
        columns={name: form.get(f"column-{n}", "") for n, name in enumerate(record.columns)},
        words=dict(zip(form.getlist("word"), form.getlist("meaning"), strict=False)),
        tables=dict(zip(form.getlist("table"), form.getlist("table-meaning"), strict=False)),
        purpose_id=parse_id(form.get("purpose_id")) or 0,
        confirm="confirm" in form,
        foreign=str(record.plan.get("foreign", "")),
        **{name: form.get(name, "") for name in texts},
    )


def _describe(
    tx: Transaction, record: Import, description: Description, errors: Mapping[str, str]
) -> str:
    if record.status not in {ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.CHECKED}:
        raise Refused(N_("The import has moved on. Reload the page to see its current status."))
    file = kept(services().unit_of_work, record.id, record.size)
    seen = inspect_file(file, record.size, control.form_of(record))
    return render_template(
        "studio/imports/describe.html",
        record=record,
        description=description,
        errors=errors,
        columns=[(label, _cells(seen, label)) for label in record.columns],
        tables=[item for item in seen.tables if item] or list(description.tables),
        words=_words(seen, description),
        fields=_fields(tx),
        groups=target_groups(),
        meanings=[(item.value, meaning_name(item)) for item in Meaning],
        purposes=open_purposes(tx.session),
        bases=[(item.value, basis_name(item)) for item in LegalBasis],
        updates=Update,
        foreign=foreign_title(description.foreign),
        odd=seen.odd,
        column_name=column_name,
    )


def _cells(seen: FileInspection, label: str) -> list[str]:
    cells = [row[label].strip()[:60] for row in seen.rows if row.get(label, "").strip()]
    return list(dict.fromkeys(cells))[:SHOWN_CELLS]


def _words(seen: FileInspection, description: Description) -> list[tuple[str, str]]:
    """Return the words of the status column, each with its suggested meaning."""
    label = next(
        (name for name, target in description.columns.items() if target == Target.STATUS), None
    )
    cells = [row.get(label or "", "").strip().lower()[:60] for row in seen.rows]
    words = list(dict.fromkeys(cell for cell in cells if cell))[:MOST_WORDS]
    return [
        (word, str(description.words.get(word, "") or STATUS_WORDS.get(plain_word(word), "")))
        for word in dict.fromkeys([*words, *description.words])
    ]


@bp.get("/imports/<key:import_id>")
@requires(Right.SEE_IMPORTS, look=AuditAction.IMPORT_VIEWED)
def import_page(import_id: int) -> str:
    """Show progress, outcomes and sample rows."""
    with read_only_transaction() as tx:
        return render_template("studio/imports/one.html", **_standing(tx, import_id, rows=True))


@bp.get("/imports/<key:import_id>/progress")
@requires(Right.SEE_IMPORTS)
def import_progress(import_id: int) -> str:
    """Return the part of the page that refreshes."""
    with read_only_transaction() as tx:
        return render_template("studio/imports/progress.html", **_standing(tx, import_id))


def _standing(tx: Transaction, import_id: int, *, rows: bool = False) -> dict[str, object]:
    record = control.get_import(tx.session, import_id)
    where = stand(tx.session, record)
    return _WORDS | {
        "record": record,
        "stand": where,
        "plan": Plan.from_stored(record.plan),
        "samples": samples(tx.session, record, where) if rows else [],
        "odd": odd_rows(tx.session, record, where) if rows else [],
        "ended": record.status in ENDED,
        "purpose": next(
            (purpose for purpose in open_purposes(tx.session) if purpose.id == record.purpose_id),
            None,
        ),
    }


@bp.get("/imports/<key:import_id>/cancel")
@requires(Right.IMPORT_SUBSCRIBERS)
def confirm_cancel_import(import_id: int) -> ResponseReturnValue:
    """Ask once before an import is cancelled and its file deleted."""
    with read_only_transaction() as tx:
        record = control.get_import(tx.session, import_id)
        if record.status in ENDED:
            return redirect(url_for("studio.import_page", import_id=import_id), 303)
        where = stand(tx.session, record)
        taken = where.taken_in if where.phase is Phase.RUN else 0
        return confirmation(
            title=_("Cancel this import and delete the file?"),
            about=record.file_name,
            sentences=[
                ngettext(
                    "%(count)s imported row stays.",
                    "%(count)s imported rows stay.",
                    taken,
                    count=number(taken),
                )
                if taken
                else _("Nobody has been imported, and nobody will be."),
                _("The file and every row of it are deleted. To go on, you would upload it again."),
            ],
            button=_("Cancel and delete the file"),
            action=url_for("studio.steer_import", import_id=import_id, step="cancel"),
            back=url_for("studio.import_page", import_id=import_id),
        )


_AUDITED = {
    "run": AuditAction.IMPORT_STARTED,
    "pause": AuditAction.IMPORT_PAUSED,
    "resume": AuditAction.IMPORT_RESUMED,
    "cancel": AuditAction.IMPORT_CANCELLED,
}


@bp.post("/imports/<key:import_id>/<any(run, pause, resume, cancel):step>")
@requires(Right.IMPORT_SUBSCRIBERS)
def steer_import(import_id: int, step: str) -> ResponseReturnValue:
    """Run the checked import, pause, resume or cancel."""
    try:
        with write_transaction() as tx:
            if step == "run":
                control.start_run(tx, import_id, operator_id=current_operator().id, at=now())
            elif step == "cancel":
                control.cancel(tx, import_id, at=now())
            else:
                {"pause": control.pause, "resume": control.resume}[step](tx, import_id)
            log_audit(tx, _AUDITED[step], import_id)
    except Refused as error:
        flash(translate_error(error), "danger")
    return redirect(url_for("studio.import_page", import_id=import_id), 303)


@bp.get("/imports/<key:import_id>/refused.csv")
@requires(Right.IMPORT_SUBSCRIBERS, look=AuditAction.IMPORT_REJECTS_DOWNLOADED)
def refused_rows(import_id: int) -> Response:
    """Download the rejected rows with their reasons."""
    with read_only_transaction() as tx:
        record = control.get_import(tx.session, import_id)
        if record.purged_at is not None:
            raise NotFound(N_("The file has been deleted, and its rows with it."))
        phase = stand(tx.session, record).phase
    head = (_("Row"), _("Result"), _("Reason"))
    names = {outcome.value: verdict_name(outcome) for outcome in RowOutcome}
    said: dict[str, str] = {}

    def say(reason: str) -> str:
        return said.setdefault(reason, _(reason) if reason else "")

    lines = refused_csv(
        services().unit_of_work, record, Phase(phase), head=head, name=names.__getitem__, say=say
    )
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="refused-{import_id}.csv"'
    return response
