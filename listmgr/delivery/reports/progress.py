"""Progress of a campaign from its leases' counters: deliveries are never counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.consent.gate import REASONS
from listmgr.delivery.models import DeliveryStatus, FailureKind, PutOffReason, partition_name
from listmgr.delivery.reports.failure_kinds import OF_KIND, failure_kinds_cte
from listmgr.delivery.retention import deliveries_kept
from listmgr.delivery.smtp.reply_codes import advice
from listmgr.delivery.window import NOT_IN_SEGMENT
from listmgr.kit.i18n import N_

# A mark older than this is replaced by a newer one: the speed shown is of the last seconds.
MARK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of people. `skipped` counts by reason those the gate held back after the launch.

    `providers` counts attempts by the recipient's provider and their results.
    """

    audience: int
    sent: int
    failed: int
    deferred: int
    uncertain: int
    remaining: int
    skipped: Mapping[str, int]
    providers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """Share of the audience that was processed, 0 to 100."""
        if not self.audience:
            return 100 if not self.remaining else 0
        return max(0, min(100, 100 * (self.audience - self.remaining) // self.audience))

    @property
    def done(self) -> int:
        """How many were sent or given up."""
        return self.sent + self.failed + self.uncertain


_SUMS = (
    " coalesce(sum(audience), 0), coalesce(sum(sent), 0), coalesce(sum(failed), 0),"
    " coalesce(sum(deferred), 0), coalesce(sum(uncertain), 0),"
    # Of a range half gone through, those nothing has been noted of; how far its ids have been
    # passed tells little, for the people of a segment may all have ids close together.
    " coalesce(sum(CASE WHEN state = 'done' OR position >= hi THEN 0 ELSE greatest(0,"
    "  audience - sent - failed - deferred - uncertain"
    "  - (SELECT coalesce(sum(n::bigint), 0) FROM jsonb_each_text(skipped) AS t(k, n))) END), 0)"
    " FROM campaign_leases"
)
_OF_ONE = sa.text(f"SELECT {_SUMS} WHERE campaign_id = :campaign")
_OF_SEVERAL = sa.text(
    f"SELECT campaign_id, {_SUMS} WHERE campaign_id = ANY(:campaigns) GROUP BY campaign_id"
)
_BY_KEY = (
    "SELECT k, sum(v::bigint) FROM campaign_leases, jsonb_each_text({column}) AS t(k, v)"
    " WHERE campaign_id = :campaign GROUP BY k ORDER BY k"
)
_SKIPPED, _PROVIDERS = (sa.text(_BY_KEY.format(column=it)) for it in ("skipped", "providers"))


class _Sums(NamedTuple):
    """The columns of `_SUMS`, in order."""

    audience: int = 0
    sent: int = 0
    failed: int = 0
    deferred: int = 0
    uncertain: int = 0
    remaining: int = 0


def progress(session: Session, campaign_id: int) -> Progress:
    """Return the campaign's current progress."""
    binds = {"campaign": campaign_id}
    sums = [int(value) for value in session.execute(_OF_ONE, binds).one()]
    skipped = {str(k): int(v) for k, v in session.execute(_SKIPPED, binds)}
    audience, sent, failed, deferred, uncertain, remaining = sums
    providers: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(DeliveryStatus, 0))
    for key, count in session.execute(_PROVIDERS, binds):
        status, _, name = str(key).partition(" ")
        providers[name][status] = int(count)
    largest = dict(sorted(providers.items(), key=lambda provider: -sum(provider[1].values())))
    return Progress(audience, sent, failed, deferred, uncertain, remaining, skipped, largest)


def progress_of_many(session: Session, campaign_ids: Sequence[int]) -> dict[int, Progress]:
    """Return the progress of several campaigns in one query, without reasons, for lists."""
    rows = session.execute(_OF_SEVERAL, {"campaigns": list(campaign_ids)})
    sums = {row[0]: _Sums(*(int(value) for value in row[1:])) for row in rows}
    return {key: Progress(*sums.get(key, _Sums()), skipped={}) for key in campaign_ids}


@dataclass(frozen=True, slots=True)
class Mark:
    """How many were done at an earlier time."""

    at: datetime
    done: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Mails a second since `mark`, and the estimated end at that speed."""

    mark: Mark
    per_second: float
    ends_at: datetime | None


def speed(campaign: Campaign, stand: Progress, mark: Mark | None, at: datetime) -> Speed | None:
    """Return the speed since an earlier mark or the launch; None while the campaign is not
    running.
    """
    if campaign.launched_at is None or campaign.status is not CampaignStatus.RUNNING:
        return None
    since = mark or Mark(campaign.launched_at, 0)
    seconds = (at - since.at).total_seconds()
    if seconds <= 0 or since.done > stand.done:
        return None
    per_second = (stand.done - since.done) / seconds
    # Where only retries are left it is their turn that decides, and no speed.
    rest = stand.remaining + stand.deferred if stand.remaining else 0
    left = rest / per_second if per_second else 0
    # A year ahead is no forecast.
    ends_at = at + timedelta(seconds=left) if 0 < left < 366 * 86_400 else None
    fresh = mark is not None and seconds < MARK_SECONDS
    return Speed(since if fresh else Mark(at, stand.done), per_second, ends_at)


_PUT_OFF = {
    PutOffReason.RATE_LIMIT: N_("They are queued for the limit of this provider or domain."),
    PutOffReason.BACKING_OFF: N_(
        "This provider or domain asked us to come back later. One mail tries now and then."
    ),
}


GIVEN_UP = N_("Given up: this provider or domain has refused mail for days. You can retry.")


@dataclass(frozen=True, slots=True)
class Problem:
    """Deliveries of one kind of failure; `reply` is one of the servers' answers.

    `more`: there are more than `count`; counting stopped there.
    """

    kind: FailureKind
    count: int
    reply: str
    more: bool = False

    @property
    def key(self) -> str:
        """The key it is looked up by."""
        return self.kind.key

    @property
    def shown_code(self) -> str:
        """The server's code, or the provider or domain people wait for."""
        code = self.kind.code
        return self.kind.scope or ("" if self._reason or code in _PUT_OFF else code)

    @property
    def _reason(self) -> str:
        """The gate's reason by name, or an empty text."""
        code = self.kind.code
        return code if code in REASONS or code == NOT_IN_SEGMENT else ""

    @property
    def words(self) -> str:
        """Its meaning as a translatable message; a gate's reason by name."""
        status, code, _scope = self.kind
        if code in _PUT_OFF:
            return GIVEN_UP if status is DeliveryStatus.FAILED else _PUT_OFF[PutOffReason(code)]
        if self._reason:
            return self._reason
        if status is DeliveryStatus.UNCERTAIN:
            return N_("The answer never came: the server may have the mail, or not.")
        if not code:
            return N_("The connection broke before the mail was sent. It will be retried.")
        basic = self.reply[:3]
        return advice(int(basic) if basic.isdecimal() else 0, self.reply)


# A page with a million refusals must not read a million rows. So many of a kind are counted.
COUNTED, KINDS = 10_000, 1_000


def problems(session: Session, campaign_id: int, limit: int = 20) -> list[Problem]:
    """Return the failures by kind, most frequent first."""
    if not deliveries_kept(session, campaign_id):
        return []
    name = partition_name(campaign_id)
    rows = session.execute(
        sa.text(
            f"{failure_kinds_cte(campaign_id)},"
            " kinds AS (SELECT * FROM every LIMIT :kinds)"
            " SELECT k.failure, k.failure_code, k.failure_scope, (SELECT count(*) FROM (SELECT"
            f"   FROM {name} d WHERE {OF_KIND} LIMIT :counted + 1) x),"
            f"  (SELECT coalesce(d.reply, '') FROM {name} d WHERE {OF_KIND} LIMIT 1)"
            " FROM kinds k ORDER BY 4 DESC, 1, 2, 3 LIMIT :limit"
        ),
        {"limit": limit, "counted": COUNTED, "kinds": KINDS},
    )
    return [
        Problem(
            FailureKind(DeliveryStatus(status), code, scope),
            min(int(count), COUNTED),
            str(reply),
            more=count > COUNTED,
        )
        for status, code, scope, count, reply in rows
    ]
