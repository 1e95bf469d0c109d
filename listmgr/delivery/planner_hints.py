"""Planner settings for the statements each window runs."""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.kit.transaction import Transaction

# A partition that was made a moment ago has no statistics: the planner would rather read it whole,
# or compare all with all. So rows are named by an array of keys, and met by a hash; and the plan is
# made once, not at each window.
_BY_KEY = sa.text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'off', true),"
    " set_config('enable_mergejoin', 'off', true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)"
)
_INDEX_PLANS = "listmgr.by_key"


def use_index_plans(tx: Transaction) -> None:
    """Plan for few rows found by key, until the end of the transaction."""
    if not tx.session.info.get(_INDEX_PLANS):
        tx.session.execute(_BY_KEY)
        tx.session.info[_INDEX_PLANS] = True
