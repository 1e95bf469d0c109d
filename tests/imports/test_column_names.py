"""What columns are called in other programs' files, and what they are taken for."""

from __future__ import annotations

import pytest

from listmgr.imports.column_names import NAMES, compact
from listmgr.imports.plan import Target


@pytest.mark.parametrize(
    "label",
    [
        *("Opt-in Datum", "Opt-In-Zeitpunkt", "Datum Opt-in", "Double-Opt-in Datum", "DOI-Datum"),
        *("Bestätigt am", "Einwilligungsdatum", "Zustimmung am", "Anmeldedatum"),
        *("Opt-in date", "opt_in_time", "Consent timestamp", "Signup date", "Confirmed at"),
        *("Date de consentement", "Date opt-in", "Date d’inscription", "Date de confirmation"),
        *("Fecha de consentimiento", "Fecha opt-in", "Fecha de suscripción", "Fecha de alta"),
    ],
)
def test_b12_a_column_of_the_moment_of_consent_is_recognised(label):
    assert NAMES[compact(label)] == Target.AGREED_AT
