"""Every cell of a campaign's life is decided."""

from __future__ import annotations

from itertools import product

import pytest

from listmgr.campaigns.lifecycle import TRANSITIONS, CampaignAction, next_status
from listmgr.campaigns.models import CampaignStatus
from listmgr.kit.errors import Refused

S, A = CampaignStatus, CampaignAction


@pytest.mark.parametrize(("status", "action"), list(product(S, A)))
def test_every_cell_is_decided(status: CampaignStatus, action: CampaignAction):
    if (status, action) in TRANSITIONS:
        assert next_status(status, action) is TRANSITIONS[status, action]
    else:
        with pytest.raises(Refused, match="moved on"):
            next_status(status, action)


def test_cancelled_is_for_good_and_finished_is_reopened_only_to_try_the_failed_ones_again():
    out = [cell for cell in TRANSITIONS if cell[0] in {S.CANCELLED, S.FINISHED}]
    assert out == [(S.FINISHED, A.RETRY)]
