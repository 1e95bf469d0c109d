"""The page of a person's data: what is stored and why, with corrections and a download."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.rows import rows_of
from listmgr.privacy.my_data import MyData, correct, download, my_data
from listmgr.web.data_export_response import own_data_file
from listmgr.web.public.blueprint import bp
from listmgr.web.public.layout import framed
from listmgr.web.public.signup_input import MOST_TYPED


@bp.get("/d/<token>")
def my_data_page(token: str) -> str:
    """Show what is stored, why and for how long; change nothing."""
    with services().reading() as tx:
        return _page(tx.session, my_data(tx.session, tx.settings, token), token)


@bp.post("/d/<token>")
def correct_my_data(token: str) -> ResponseReturnValue:
    """Store corrections (Art. 16); an invalid value keeps everything that was typed."""
    typed = {name: value[:MOST_TYPED] for name, value in request.form.items()}
    try:
        with services().unit_of_work() as tx:
            data = correct(tx, token, typed, at=now())
            return _page(tx.session, data, token, saved=data.is_known)
    except (InvalidInput, Refused) as error:
        problems = error.fields if isinstance(error, InvalidInput) else {}
        with services().unit_of_work() as tx:
            data = my_data(tx.session, tx.settings, token)
            return _page(tx.session, data, token, typed=typed, problems=problems), 422


@bp.get("/d/<token>/data.json")
def my_data_file(token: str) -> Response:
    """Download the page's data in a machine-readable format (Art. 20)."""
    with services().reading() as tx:
        document = download(tx.session, tx.settings, token)
    if document is None:
        abort(404)
    return own_data_file(document)


def _page(
    session: Session,
    data: MyData,
    token: str,
    *,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    saved: bool = False,
) -> str:
    return framed(
        "my_data.html",
        rows_of(session),
        language=data.language,
        purpose_ids=data.purpose_ids,
        data=data,
        token=token,
        typed=typed or {},
        problems={key: _(message) for key, message in (problems or {}).items()},
        saved=saved,
    )
