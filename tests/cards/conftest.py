"""A salesperson, a colleague, and a list whose newsletter people may ask for."""

from __future__ import annotations

import pytest

from listmgr.kit.clock import now
from listmgr.lists.models import Notice
from listmgr.operators.accounts import create_operator
from listmgr.operators.models import Operator
from tests.conftest import UnitOfWork
from tests.factories import make_list


def operator(uow: UnitOfWork, name: str, role: str = "sales") -> Operator:
    with uow() as tx:
        return create_operator(
            tx, email=f"{name}@example.org", name=name.title(), role=role, at=now()
        )


@pytest.fixture
def ada(uow: UnitOfWork) -> Operator:
    return operator(uow, "ada")


@pytest.fixture
def ben(uow: UnitOfWork) -> Operator:
    return operator(uow, "ben")


@pytest.fixture
def notice(uow: UnitOfWork) -> Notice:
    with uow() as tx:
        return make_list(tx)[2]
