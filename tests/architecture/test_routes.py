"""Every route of the studio has its guard, every role gets what the table says, GET never writes.

A new route is met here without being told of: it fails until it declares a right, and a new kind
of argument fails until `sample` in tests/web/studio/conftest.py, or `by_room`, has one.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from listmgr.consent.models import ServiceMail, ServiceMailStatus
from listmgr.kit.db import db
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.operators.models import Role
from listmgr.operators.roles import Right, may
from listmgr.web.studio.guard import GuardedBlueprint, guard_of, open_to_all, requires
from listmgr.web.studio.transactions import read_only_transaction
from tests.checksums import checksums
from tests.web.studio.conftest import BASE

ACTING = ("EDIT_", "SEND_", "PUBLISH_", "RECORD_", "ERASE_", "IMPORT_", "EXPORT_")
# What belongs to the operator who made it, or is thrown away in the course of the walk.
OWNED = {"card_id", "upload_id", "api_key_id"}
OPEN = {
    "studio.sign_in_page",
    "studio.sign_in_act",
    "studio.one_time_page",
    "studio.one_time_act",
    "studio.first_run_page",
    "studio.first_run_act",
}


def studio_rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/studio"):
            yield rule


def right_of(app: Flask, rule: Rule) -> Right | None:
    guard = guard_of(app.view_functions[rule.endpoint])
    assert guard is not None
    return guard.right


def path_of(rule: Rule, sample: dict[str, int | str]) -> str:
    """Where a rule leads; a kind of argument the sample does not have is a KeyError."""
    values = {name: sample[name] for name in rule.arguments}
    _domain, path = rule.build(values, append_unknown=False) or ("", "")
    assert path
    return path


def is_ours(rule: Rule) -> bool:
    return not rule.endpoint.endswith("static")


def test_every_route_of_the_studio_has_a_guard(app):
    rules = [rule for rule in studio_rules(app) if is_ours(rule)]
    assert len(rules) > 30
    assert [r.rule for r in rules if guard_of(app.view_functions[r.endpoint]) is None] == []


def test_only_the_doors_are_open(app):
    assert {rule.endpoint for rule in studio_rules(app) if right_of(app, rule) is None} == OPEN


def test_a_route_without_a_guard_cannot_be_registered():
    blueprint = GuardedBlueprint("rooms", __name__)
    with pytest.raises(TypeError, match="declares neither"):
        blueprint.get("/forgotten")(lambda: "")
    blueprint.get("/kept")(requires(Right.ENTER)(lambda: ""))
    blueprint.get("/open")(open_to_all(lambda: ""))


def test_a_route_slipped_past_the_registration_is_shut(app, admin):
    app._got_first_request = False
    app.add_url_rule("/studio/forgotten", "studio.forgotten", lambda: "secret")
    answer = admin.get("/studio/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_acting_rights_stand_on_acts_and_seeing_rights_on_pages(app):
    for rule in studio_rules(app):
        right = right_of(app, rule)
        if "POST" in (rule.methods or ()) and right is not None:
            assert right is Right.OWN_ACCOUNT or right.name.startswith(ACTING), rule.rule


@pytest.mark.parametrize("role", list(Role))
def test_l37_every_role_gets_what_the_table_says(app, desk, sample, role):
    at = desk(role.value)
    token = at.token()
    for rule in studio_rules(app):
        right = right_of(app, rule)
        if right is None or rule.endpoint == "studio.sign_out":
            continue
        path = path_of(rule, sample)
        for method in sorted((rule.methods or set()) & {"GET", "HEAD", "POST"}):
            sent = {"data": {"csrf_token": token}} if method == "POST" else {}
            answer = at.browser.open(path, method=method, base_url=BASE, **sent)
            where = f"{role} {method} {path}: {answer.status_code}"
            if may(role, right):
                gone = {404} if rule.arguments & OWNED else set()
                assert answer.status_code in {200, 302, 303, 409, 422} | gone, where
            else:
                assert answer.status_code == 403, where
                assert method == "HEAD" or "Your role does not include this" in answer.text


def test_who_has_not_signed_in_is_sent_to_the_sign_in(app, anybody, sample):
    for rule in studio_rules(app):
        if right_of(app, rule) is None:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "HEAD", "POST"}):
            answer = anybody.browser.open(path_of(rule, sample), method=method, base_url=BASE)
            assert answer.status_code == 303
            assert answer.location.startswith("/studio/sign-in")


def test_every_post_needs_the_token_of_a_page(app, admin, sample):
    for rule in studio_rules(app):
        if "POST" in (rule.methods or ()) and right_of(app, rule) is not None:
            answer = admin.browser.post(path_of(rule, sample), base_url=BASE)
            assert answer.status_code == 400, rule.rule
            assert "Please send it once more" in answer.text


def written(engine: sa.Engine) -> dict[str, str | None]:
    """A GET leaves nothing but a trace of who looked."""
    return checksums(engine, but={"audit_entries"}, without={"operators": "last_seen_at"})


@pytest.fixture
def by_room(uow, sample, sign_in_token, settings) -> dict[str, dict[str, int | str]]:
    """What the words `token` and `filename` of a path stand for, by how the path begins."""
    keys, subscriber = settings.secret_keys, sample["subscriber_id"]
    with uow() as tx:
        service_mail = tx.session.scalar(
            sa.select(ServiceMail).where(ServiceMail.status == ServiceMailStatus.QUEUED).limit(1)
        )
        confirm = make_token(keys, TokenPurpose.CONFIRM, service_mail.id)
        service_mail.token_hash, service_mail.status = token_hash(confirm), ServiceMailStatus.SENT
    tokens = {
        "/c/": confirm,
        "/u/": make_token(keys, TokenPurpose.UNSUBSCRIBE, sample["campaign_id"], subscriber),
        "/p/": make_token(keys, TokenPurpose.PREFERENCES, subscriber),
        "/d/": make_token(keys, TokenPurpose.MY_DATA, subscriber),
        "/studio/sign-in/": sign_in_token,
        "/studio/first-run/": "none",
    }
    files = {"/static/": "public.css", "/bootstrap/": "css/bootstrap.min.css"}
    return {begin: {"token": token} for begin, token in tokens.items()} | {
        begin: {"filename": name} for begin, name in files.items()
    }


def sampled(
    rule: Rule, sample: dict[str, int | str], by_room: dict[str, dict[str, int | str]]
) -> str:
    """Where a rule leads, whatever it is about."""
    more = [values for begin, values in by_room.items() if rule.rule.startswith(begin)]
    return path_of(rule, sample | (more[0] if more else {}))


def test_w14_get_and_head_never_write(app, admin, sample, by_room, engine):
    before = written(engine)
    assert before["consents"]
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        if rule.endpoint.startswith("api."):
            continue  # It is asked with a key, see tests/api.
        # There is an operator: the first one cannot be made any more.
        expected = {404} if rule.endpoint == "studio.first_run_page" else {200, 303}
        for method in ("GET", "HEAD"):
            path = sampled(rule, sample, by_room)
            with admin.browser.open(path, method=method, base_url=BASE) as answer:
                assert answer.status_code in expected, (rule.rule, answer.text)
    assert written(engine) == before


def test_w14_a_kind_of_argument_without_a_sample_fails(app, sample, by_room):
    rule = Rule("/x/<unheard_of>", endpoint="x")
    app.url_map.add(rule)
    try:
        with pytest.raises(KeyError):
            sampled(rule, sample, by_room)
    finally:
        app.url_map._rules.remove(rule)


@pytest.mark.parametrize("page", ["/s/", "/c/", "/u/", "/p/", "/d/", "/"])
def test_w14_a_public_page_cannot_write_even_if_it_tried(
    app, admin, sample, by_room, page, monkeypatch
):
    """Every statement of a page runs in a transaction PostgreSQL itself keeps from writing."""
    writable: list[str] = []
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("public.")
        and "GET" in (rule.methods or ())
        and (rule.rule == "/" if page == "/" else rule.rule.startswith(page))
    ]
    assert rules

    def look(connection, cursor, statement, *_more) -> None:
        if cursor.connection.read_only is not True:
            writable.append(statement)

    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", look)
        try:
            for rule in rules:
                admin.get(sampled(rule, sample, by_room))
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", look)
    assert writable == []


def test_w14_statements_past_the_orm_cannot_write_either(app, engine):
    services = app.extensions["listmgr"]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), services.rows() as rows:
        rows("UPDATE mailing_lists SET name = 'x' RETURNING id", {})
    # The connection goes back as it came: whoever gets it next may write.
    for _ in range(5):
        with services.unit_of_work() as tx:
            tx.session.execute(sa.text("UPDATE mailing_lists SET name = name"))


def test_a_page_of_the_studio_cannot_write_even_if_it_tried(app):
    statement = sa.text("UPDATE mailing_lists SET name = 'x'")
    with (
        app.test_request_context("/studio/"),
        pytest.raises(sa.exc.InternalError, match="read-only"),
        read_only_transaction() as tx,
    ):
        tx.session.execute(statement)


def test_m01_posts_of_mail_programs_need_no_token_and_set_no_cookie(app, anybody, sample):
    outside = [
        rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.rule.startswith("/studio")
    ]
    assert outside
    for rule in outside:
        _domain, path = rule.build(dict.fromkeys(rule.arguments, "none")) or ("", "")
        answer = anybody.browser.post(path, base_url=BASE, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code != 400, rule.rule
        assert "Set-Cookie" not in answer.headers
    for path in ("/health/live", "/health/ready"):
        assert anybody.get(path).status_code == 200
