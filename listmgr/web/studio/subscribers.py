"""Pages of subscribers: find them, see all that happened, write down what they told us."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.consent import roster, word
from listmgr.consent.history import histories
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.kit.clock import now
from listmgr.lists import describe
from listmgr.operators.accounts import operators
from listmgr.operators.roles import Right
from listmgr.suppression.register import is_suppressed
from listmgr.web.language import language
from listmgr.web.studio import bp
from listmgr.web.studio.acting import acting, as_number, note, reading
from listmgr.web.studio.guard import needs
from listmgr.web.studio.session import operator

# What was searched for is kept in the operator's own cookie: in the address of the page it would
# stand in the browser's history and in the log of every proxy.
_QUERY = "subscribers_query"


@bp.get("/subscribers")
@needs(Right.SEE_SUBSCRIBERS)
def subscribers() -> str:
    """A page of people, newest first."""
    wanted = _wanted()
    with reading() as tx:
        return render_template(
            "studio/subscribers/all.html",
            wanted=wanted,
            page=roster.find(tx.session, wanted, below=as_number(request.args.get("below"))),
            count=roster.count(tx.session, wanted),
            lists=describe.lists(tx.session),
            stations=list(ConsentStatus),
        )


@bp.post("/subscribers")
@needs(Right.SEE_SUBSCRIBERS)
def search_subscribers() -> ResponseReturnValue:
    """Remember what to look for, and show it."""
    session[_QUERY] = request.form.get("query", "").strip()[: roster.MAX_QUERY]
    mailing_list, status = (request.form.get(name) or None for name in ("list", "status"))
    return redirect(url_for("studio.subscribers", list=mailing_list, status=status), 303)


@bp.get("/subscribers/<key:subscriber_id>")
@needs(Right.SEE_SUBSCRIBERS, look="subscriber.seen")
def subscriber_page(subscriber_id: int) -> str:
    """One person with every consent and everything that happened to it."""
    with reading() as tx:
        person = roster.find_subscriber(tx.session, subscriber_id)
        return render_template(
            "studio/subscribers/one.html",
            person=person,
            histories=histories(tx.session, subscriber_id, language()),
            suppressed=is_suppressed(tx, person.fingerprint),
            staff={f"operator:{found.id}": found.name for found in operators(tx.session)},
            ways=word.WAYS,
        )


@bp.post("/subscribers/<key:subscriber_id>/consents/<key:consent_id>/withdraw")
@needs(Right.RECORD_WITHDRAWALS)
def withdraw(subscriber_id: int, consent_id: int) -> ResponseReturnValue:
    """The person told us that they want no more of this."""
    how, actor = request.form.get("how", ""), f"operator:{operator().id}"
    with acting() as tx:
        word.withdraw_on_word(tx, subscriber_id, consent_id, how=how, actor=actor, at=now())
        note(tx, "consent.withdrawn", "consent", consent_id, how=how)
    flash(_("Withdrawn. From now on no mail of it goes to this person."))
    return redirect(url_for("studio.subscriber_page", subscriber_id=subscriber_id), 303)


@bp.post("/subscribers/<key:subscriber_id>/object")
@needs(Right.RECORD_WITHDRAWALS)
def record_objection(subscriber_id: int) -> ResponseReturnValue:
    """The person told us that they want no mail at all."""
    how, actor = request.form.get("how", ""), f"operator:{operator().id}"
    with acting() as tx:
        ended = word.object_on_word(tx, subscriber_id, how=how, actor=actor, at=now())
        note(tx, "subscriber.objected", "subscriber", subscriber_id, how=how, ended=ended)
    flash(_("Written down. No marketing mail goes to this address any more."))
    return redirect(url_for("studio.subscriber_page", subscriber_id=subscriber_id), 303)


def _wanted() -> roster.Wanted:
    status = request.args.get("status", "")
    return roster.Wanted(
        query=str(session.get(_QUERY, "")),
        list_id=as_number(request.args.get("list")),
        status=ConsentStatus(status) if status in set(ConsentStatus) else None,
    )
