"""Mass updates by kind, as SQL over the alias s of subscribers.

Preview and run share `verdict`, so they agree. No kind creates a consent: withdrawals, objections
and erasures end consents through the ledger.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from listmgr.operators.roles import Right


class BulkKind(enum.StrEnum):
    """Kind of a mass update."""

    SET_FIELD = "set_field"
    ADD_TAGS = "add_tags"
    REMOVE_TAGS = "remove_tags"
    BASIS_NOTE = "basis_note"
    RESTRICT = "restrict"
    WITHDRAW = "withdraw"
    OBJECT = "object"
    ERASE = "erase"


_K = BulkKind

RIGHT_FOR: dict[BulkKind, Right] = {
    _K.SET_FIELD: Right.EDIT_SUBSCRIBERS,
    _K.ADD_TAGS: Right.EDIT_SUBSCRIBERS,
    _K.REMOVE_TAGS: Right.EDIT_SUBSCRIBERS,
    _K.BASIS_NOTE: Right.EDIT_SUBSCRIBERS,
    _K.RESTRICT: Right.EDIT_SUBSCRIBERS,
    _K.WITHDRAW: Right.RECORD_WITHDRAWALS,
    _K.OBJECT: Right.RECORD_WITHDRAWALS,
    _K.ERASE: Right.ERASE_SUBSCRIBERS,
}

# Never undone: a consent that ended is begun again by the person alone, and nobody is un-erased.
FOR_GOOD = frozenset({_K.WITHDRAW, _K.OBJECT, _K.ERASE})


@dataclass(frozen=True, slots=True)
class Change:
    """A change of columns that can be undone. Binds: value, tags, field, at; b is the previous row.

    `same`: nothing to do. `before`: the stored previous value, as jsonb. `write`: the assignment.
    `untouched`: the person is still as the update left them. `restore`: the reverse assignment.
    """

    same: str
    before: str
    write: str
    untouched: str
    restore: str


_TAGS = "CAST(:tags AS text[])"
_KEPT_TAGS = "ARRAY(SELECT jsonb_array_elements_text(b.before))"
_KEPT_TEXT = "(b.before #>> '{}')"
_ATTRIBUTE = "coalesce(s.attributes ->> CAST(:field AS text), '')"


def _column(name: str) -> Change:
    return Change(
        same=f"s.{name} = :value",
        before=f"to_jsonb(s.{name})",
        write=f"{name} = :value",
        untouched=f"s.{name} = :value",
        restore=f"{name} = {_KEPT_TEXT}",
    )


def _attribute(value: str) -> str:
    """Return the SQL that sets an attribute; an empty value removes its key."""
    return (
        f"attributes = CASE WHEN {value} = '' THEN s.attributes - CAST(:field AS text)"
        f" ELSE s.attributes || jsonb_build_object(CAST(:field AS text), {value}) END"
    )


_CUSTOM = Change(
    same=f"{_ATTRIBUTE} = :value",
    before=f"to_jsonb({_ATTRIBUTE})",
    write=_attribute("CAST(:value AS text)"),
    untouched=f"{_ATTRIBUTE} = :value",
    restore=_attribute(_KEPT_TEXT),
)

_CHANGES: dict[BulkKind, Change] = {
    _K.BASIS_NOTE: _column("basis_note"),
    _K.ADD_TAGS: Change(
        same=f"s.tags @> {_TAGS}",
        before=f"to_jsonb(ARRAY(SELECT t FROM unnest({_TAGS}) t WHERE t <> ALL (s.tags)))",
        write=f"tags = s.tags || ARRAY(SELECT t FROM unnest({_TAGS}) t WHERE t <> ALL (s.tags))",
        untouched=f"s.tags @> {_KEPT_TAGS}",
        restore=(
            "tags = ARRAY(SELECT t FROM unnest(s.tags) WITH ORDINALITY x(t, o)"
            f" WHERE t <> ALL ({_KEPT_TAGS}) ORDER BY o)"
        ),
    ),
    _K.REMOVE_TAGS: Change(
        same=f"NOT s.tags && {_TAGS}",
        before=f"to_jsonb(ARRAY(SELECT t FROM unnest(s.tags) t WHERE t = ANY ({_TAGS})))",
        write=(
            "tags = ARRAY(SELECT t FROM unnest(s.tags) WITH ORDINALITY x(t, o)"
            f" WHERE t <> ALL ({_TAGS}) ORDER BY o)"
        ),
        untouched=f"NOT s.tags && {_KEPT_TAGS}",
        restore=f"tags = s.tags || {_KEPT_TAGS}",
    ),
    # The very moment tells a restriction of this act from a later one, which undoing leaves alone.
    _K.RESTRICT: Change(
        same="false",
        before="to_jsonb(true)",
        write="restricted_at = :at",
        untouched="s.restricted_at = :at",
        restore="restricted_at = NULL",
    ),
}

CORE_COLUMNS = frozenset({"first_name", "last_name", "company", "language"})


def change_of(kind: BulkKind, field: str) -> Change | None:
    """Return the column change of a kind; None for kinds that cannot be undone."""
    if kind is _K.SET_FIELD:
        return _column(field) if field in CORE_COLUMNS else _CUSTOM
    return _CHANGES.get(kind)


_OPEN_CONSENT = (
    "EXISTS (SELECT FROM consents c WHERE c.subscriber_id = s.id"
    " AND c.status IN ('captured', 'pending', 'confirmed')"
    " AND (CAST(:purpose AS bigint) IS NULL OR c.purpose_id = :purpose))"
)
_SUPPRESSED = (
    "EXISTS (SELECT FROM suppressions x"
    " WHERE x.fingerprint = s.fingerprint AND x.lifted_at IS NULL)"
)
# Restricted people are left alone (Article 18), but for their own word that mail shall end.
_RESTRICTED = "WHEN s.restricted_at IS NOT NULL THEN 'restricted'"


def verdict_of(kind: BulkKind, field: str) -> str:
    """Return the SQL of a person's outcome: 'change', or why they are skipped."""
    if kind is _K.WITHDRAW:
        return f"CASE WHEN {_OPEN_CONSENT} THEN 'change' ELSE 'nothing_open' END"
    if kind is _K.OBJECT:
        return f"CASE WHEN {_OPEN_CONSENT} OR NOT {_SUPPRESSED} THEN 'change' ELSE 'suppressed' END"
    change = change_of(kind, field)
    same = f" WHEN {change.same} THEN 'same'" if change else ""
    return f"CASE {_RESTRICTED}{same} ELSE 'change' END"
