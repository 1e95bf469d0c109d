"""Assign field values to a subscriber: core columns and custom fields alike."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.i18n import N_
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    catalogue,
)
from listmgr.subscribers.models import Subscriber


def set_values(session: Session, subscriber: Subscriber, values: Mapping[str, str]) -> None:
    """Set the named fields and no others; "" removes a value.

    Never writes the address: a new mailbox is asked first (L-04). Raises Refused for a restricted
    person, InvalidInput with a message for each invalid field.
    """
    if subscriber.restricted_at is not None:
        raise Refused(N_("Processing of this person's data is restricted; nothing is changed."))
    by_key = {field.key: field for field in catalogue(session)}
    parsed = parse_all(by_key, values)
    attributes = dict(subscriber.attributes or {})
    for key, value in parsed.items():
        if by_key[key].core:
            setattr(subscriber, key, value)
        elif value:
            attributes[key] = value
        else:
            attributes.pop(key, None)
    if attributes != subscriber.attributes:
        subscriber.attributes = attributes


def parse_all(fields: Mapping[str, CatalogueField], values: Mapping[str, str]) -> dict[str, str]:
    """Return every value as stored. Raises InvalidInput naming all that is wrong at once."""
    wrong: dict[str, str] = {}
    parsed: dict[str, str] = {}
    for key, typed in values.items():
        field = fields.get(key)
        try:
            parsed[key] = _parse_one(field, typed)
        except InvalidInput as error:
            wrong[key] = str(error)
    if wrong:
        raise InvalidInput(N_("Please correct the marked fields."), wrong)
    return parsed


def _parse_one(field: CatalogueField | None, typed: str) -> str:
    if field is None:
        raise InvalidInput(N_("There is no such field."))
    if field.key == "email":
        raise InvalidInput(N_("The address is changed only by asking the new mailbox."))
    value = field.parse(typed)
    if field.key == "language" and not value:
        raise InvalidInput(N_("Choose a language."))
    return value


def value_of(field: CatalogueField, subscriber: Subscriber) -> str:
    """Return the stored value, or an empty string."""
    if field.core:
        return str(getattr(subscriber, "address" if field.key == "email" else field.key))
    return str((subscriber.attributes or {}).get(field.key, ""))
