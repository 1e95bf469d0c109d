"""The overview: growth of consents, their status, what waits, first steps."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign, PauseCause
from listmgr.cards import (
    inbox,
    privacy_notice,
)
from listmgr.consent import consent_statistics
from listmgr.context import services
from listmgr.delivery.reports.progress import (
    Progress,
    progress_of_many,
)
from listmgr.installation.hold import go_on
from listmgr.installation.replay import catch_up
from listmgr.kit.clock import now
from listmgr.kit.installation_state import Installation
from listmgr.lists.models import MailingList, Notice, SignupForm
from listmgr.operators.roles import Right, may
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.refused_logins import refused_logins
from listmgr.web.studio.session import current_operator, whose_cards
from listmgr.web.studio.transactions import (
    read_only_transaction,
    write_transaction,
)

LATEST = 5


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What is still missing before people can sign up."""

    has_list: bool
    has_notice: bool
    has_form: bool

    @property
    def are_done(self) -> bool:
        """Whether people can sign up."""
        return self.has_list and self.has_notice and self.has_form


@dataclass(frozen=True, slots=True)
class CardsWaiting:
    """Number of cards to review and of overdue notices."""

    to_review: int
    overdue: int


@bp.get("/")
@requires(Right.ENTER)
def dashboard() -> str:
    """Show the overview."""
    with read_only_transaction() as tx:
        session = tx.session
        return render_template(
            "studio/dashboard.html",
            steps=_first_steps(session),
            stations=consent_statistics.stations(session),
            weeks=consent_statistics.growth(session, at=now()),
            service_mails=consent_statistics.unsent_service_mails(session),
            refused_logins=refused_logins(session),
            ledger=consent_statistics.ledger_state(session),
            campaigns=_latest_campaigns(session),
            stopped=_stopped(session),
            cards=_cards(session),
            held=_held(session),
        )


@bp.post("/installation/go-on")
@requires(Right.EDIT_INSTALLATION)
def go_on_mailing() -> ResponseReturnValue:
    """Resume mailing after a restore, replaying this host's journal first."""
    context = services()
    catch_up(context.unit_of_work, context.settings)
    with write_transaction() as tx:
        released = go_on(tx, current_operator().id, at=now())
    if released:
        flash(_("Mailing is on again. Campaigns stay paused until you resume them."))
    return redirect(url_for("studio.dashboard"), 303)


def _held(session: Session) -> Installation | None:
    """Return the installation if mailing is on hold."""
    return session.scalars(
        sa.select(Installation).where(Installation.held_at.is_not(None))
    ).one_or_none()


def _first_steps(session: Session) -> FirstSteps:
    def is_any(column: sa.orm.InstrumentedAttribute[int]) -> bool:
        return session.scalars(sa.select(column).limit(1)).first() is not None

    return FirstSteps(is_any(MailingList.id), is_any(Notice.id), is_any(SignupForm.id))


def _cards(session: Session) -> CardsWaiting | None:
    """Return the operator's waiting cards; None if their role has no cards."""
    if not may(current_operator().role, Right.SEE_CARDS):
        return None
    own = whose_cards()
    to_review = inbox.count_to_review(session, own)
    return CardsWaiting(to_review, privacy_notice.count_overdue(session, own, at=now()))


def _stopped(session: Session) -> list[Campaign]:
    """Return campaigns the program paused, so that operators notice."""
    paused = sa.select(Campaign).where(
        Campaign.pause_cause.is_not(None), Campaign.pause_cause != PauseCause.OPERATOR
    )
    return list(session.scalars(paused.order_by(Campaign.id)))


def _latest_campaigns(session: Session) -> list[tuple[Campaign, Progress]]:
    campaigns = session.scalars(
        sa.select(Campaign).order_by(Campaign.id.desc()).limit(LATEST)
    ).all()
    stands = progress_of_many(session, [campaign.id for campaign in campaigns])
    return [(campaign, stands[campaign.id]) for campaign in campaigns]
