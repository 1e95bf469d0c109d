"""`listmgr operators`: the first administrator, and a way in for who has lost the password."""

from __future__ import annotations

import click
import sqlalchemy as sa

from listmgr.cli.environment import (
    given_settings,
    one_transaction,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.kit.transaction import Transaction
from listmgr.languages import LANGUAGES
from listmgr.operators.accounts import create_operator
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Operator, Role
from listmgr.operators.sign_in import one_time_sign_in
from listmgr.subscribers.address import AddressError, parse_address


@click.group
def operators() -> None:
    """Make an operator's account, or a one-time sign-in for one."""


@operators.command("create")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--name", default="", help="The name colleagues know; the address if not given.")
@click.option("--language", type=click.Choice(tuple(LANGUAGES)), default="en", show_default=True)
def operators_create(email: str, role: str, name: str, language: str) -> None:
    """Make an account for EMAIL and print its one-time sign-in."""
    settings = given_settings()
    try:
        with one_transaction(settings) as tx:
            operator = create_operator(
                tx, email=email, name=name or email, role=role, language=language, at=now()
            )
            link = _link(tx, operator.id)
            write_audit_entry(
                tx, None, AuditAction.OPERATOR_CREATED, operator.id, {"role": role}, at=now()
            )
    except InvalidInput as error:
        raise click.ClickException(" ".join(error.fields.values()) or str(error)) from None
    _say(link)


@operators.command("sign-in-link")
@click.argument("email")
def operators_sign_in_link(email: str) -> None:
    """Print a one-time sign-in for the account of EMAIL; a new password is set after it."""
    with one_transaction(given_settings()) as tx:
        operator = _operator(tx, email)
        if operator is None:
            raise click.ClickException(
                f"There is no account for {email}. Make one: listmgr operators create {email}"
                " --role administrator"
            )
        if operator.disabled_at is not None:
            raise click.ClickException(
                f"The account of {email} is closed; an administrator opens it on its page."
            )
        link = _link(tx, operator.id)
        write_audit_entry(tx, None, AuditAction.OPERATOR_LINK_CREATED, operator.id, at=now())
    _say(link)


def _operator(tx: Transaction, email: str) -> Operator | None:
    try:
        key = parse_address(email).key
    except AddressError:
        return None
    return tx.session.scalars(sa.select(Operator).where(Operator.email == key)).one_or_none()


def _link(tx: Transaction, operator_id: int) -> str:
    return tx.settings.link(f"studio/sign-in/{one_time_sign_in(tx, operator_id, at=now())}")


def _say(link: str) -> None:
    click.echo(f"{link}\nIt lets in once, within a day: give it to nobody else.")
