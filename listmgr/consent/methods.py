"""How a consent was given or ended, as the ledger and its evidence store it for years."""

from __future__ import annotations

import enum


class Method(enum.StrEnum):
    """How somebody acted on a consent, or why the program did. Reading accepts earlier words."""

    # By the person, on a page or in their mail program.
    CONFIRM_BUTTON = "confirm_button"
    NOT_ME = "not_me"
    PAGE = "page"
    # RFC 8058.
    ONE_CLICK = "one_click"
    PREFERENCES = "preferences"
    ADDRESS_CHANGE_PAGE = "address_change_page"
    # By the person, in words to staff.
    REPLY = "reply"
    PHONE = "phone"
    LETTER = "letter"
    IN_PERSON = "in_person"
    # By staff.
    OPERATOR_STATEMENT = "operator_statement"
    IMPORT = "import"
    IMPORTED_EVIDENCE = "imported_evidence"
    MERGED = "merged"
    # By the program.
    ADDRESS_CHANGED = "address_changed"
    ADDRESS_CHANGE_CANCELLED = "address_change_cancelled"
    JOURNAL_REPLAYED = "journal_replayed"

    @classmethod
    def _missing_(cls, value: object) -> Method | None:
        return _EARLIER.get(str(value))


class RecordedBy(enum.StrEnum):
    """Who recorded what a person said, if they did not act themselves."""

    STAFF = "staff"
    # One operator, for many people at once.
    STAFF_BULK = "staff_bulk"


# Until migration 0083. Events are never rewritten, since their hash covers these words.
_EARLIER = {
    "post button": Method.CONFIRM_BUTTON,
    "confirm button": Method.CONFIRM_BUTTON,
    "not me": Method.NOT_ME,
    "not-me button": Method.NOT_ME,
    "one-click": Method.ONE_CLICK,
    "preferences page": Method.PREFERENCES,
    "change of address page": Method.ADDRESS_CHANGE_PAGE,
    "in person": Method.IN_PERSON,
    "statement of an operator": Method.OPERATOR_STATEMENT,
    "evidence brought by the import": Method.IMPORTED_EVIDENCE,
    "moved": Method.ADDRESS_CHANGED,
    "change of address cancelled": Method.ADDRESS_CHANGE_CANCELLED,
    "journal": Method.JOURNAL_REPLAYED,
    "journal, after a restore": Method.JOURNAL_REPLAYED,
}
