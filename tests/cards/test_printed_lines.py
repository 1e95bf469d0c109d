"""What the guesser makes of cards whose letters were read without a fault: everything is right."""

from __future__ import annotations

import pytest

from listmgr.cards.imaging.optional_deps import installed
from listmgr.cards.parsing.classify_lines import guess_fields

if not installed(("PIL",)):
    pytest.skip("pip install -e '.[scan]'", allow_module_level=True)

from tests.cards.people_on_cards import PEOPLE
from tests.cards.printed import DESIGNS


@pytest.mark.parametrize("design", DESIGNS)
def test_every_person_in_every_design(design):
    for printed in PEOPLE:
        card = guess_fields(design(printed).info["lines"], pictured=True)
        assert card.email.address == printed.email
        name = f"{card.first_name.value} {card.last_name.value}"
        assert name.casefold() == printed.name.casefold()
        assert card.organisation.value == printed.company
        assert card.language.value in (printed.language, "")
        assert printed.phone in [phone.number for phone in card.phones]
