"""How many mails a window holds."""

from __future__ import annotations

import pytest

from listmgr.delivery.window_size import Pace
from listmgr.kit.clock import elapsed


@pytest.mark.parametrize(("rate", "size"), [(400.0, 40), (90.0, 9), (10.0, 1), (0.5, 1)])
def test_f09_a_window_holds_what_a_rate_allows_in_a_tenth_of_a_second(rate: float, size: int):
    pace = Pace(500, 1.0, rate)
    for _ in range(8):
        pace.begin(elapsed())
        pace.end(pace.size())
    assert pace.size() == size


def test_without_a_rate_it_grows_while_the_server_is_quick_and_shrinks_when_it_is_slow():
    pace = Pace(500, 1.0)
    sizes = []
    for _ in range(5):
        pace.begin(elapsed())
        pace.end(pace.size())
        sizes.append(pace.size())
    assert sizes == [100, 200, 400, 500, 500]
    pace.begin(elapsed() - 2.0)
    pace.end(100)
    assert 20 <= pace.size() <= 25
