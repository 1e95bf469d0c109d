"""Domains that take no mail are refused, and slips hinted at, by a real name server's word."""

from __future__ import annotations

import re
import time

import pytest

from listmgr.config import SettingsError, load_settings
from listmgr.subscribers.mx_lookup import takes_no_mail
from tests.web.public.conftest import (
    Names,
    form_values,
)
from tests.web.public.test_rate_limit import signups


@pytest.fixture
def servers(names: Names) -> tuple[str, ...]:
    names.exists("null.example", MX=["0 ."])
    names.exists("host.example", A=["192.0.2.1"])
    names.exists("six.example", AAAA=["2001:db8::1"])
    names.exists("bare.example")
    return (f"127.0.0.1:{names.port}",)


@pytest.mark.parametrize(
    ("domain", "refused"),
    [
        ("example.com", False),
        ("null.example", True),  # RFC 7505
        ("nowhere.example", True),
        ("host.example", False),  # RFC 5321 section 5.1
        ("six.example", False),
        ("bare.example", True),
    ],
)
def test_rfc7505_what_the_dns_says_counts(servers, domain, refused):
    assert takes_no_mail(domain, servers) is refused


def test_rfc7505_a_null_mx_is_refused_at_sign_up(client, notice, servers, session):
    page = client.post("/s/news?lang=de", data=form_values(notice, "anna@null.example"))
    assert page.status_code == 422
    assert "null.example nimmt keine E-Mails an" in page.text
    assert 'value="anna@null.example"' in page.text
    assert signups(session) == 0


def test_rfc7505_a_silent_name_server_costs_a_moment_and_nobody(client, notice, names, session):
    names.silent = True
    began = time.monotonic()
    answer = client.post("/s/news", data=form_values(notice, "anna@quiet.example"))
    assert answer.status_code == 303
    assert time.monotonic() - began < 4
    assert signups(session) == 1


@pytest.mark.parametrize("servers", [("127.0.0.1:1",), ("off",)])
def test_rfc7505_without_a_name_server_the_sign_up_goes_on(app_with, notice, session, servers):
    client = app_with(dns_servers=servers).test_client()
    answer = client.post("/s/news", data=form_values(notice, "anna@nowhere.example"))
    assert answer.status_code == 303
    assert signups(session) == 1


@pytest.mark.parametrize("raw", ["nonsense", "9.9.9.9:x", "http://9.9.9.9", "9.9.9.9,,dns.example"])
def test_a_wrong_setting_says_what_to_write(raw, tmp_path):
    env = {"LISTMGR_DATA_DIR": str(tmp_path), "LISTMGR_DNS_SERVERS": raw}
    with pytest.raises(SettingsError, match="LISTMGR_DNS_SERVERS"):
        load_settings(env)


def test_a_right_setting_is_read(tmp_path):
    env = {"LISTMGR_DATA_DIR": str(tmp_path), "LISTMGR_DNS_SERVERS": "9.9.9.9, [2620:fe::fe]:5353"}
    assert load_settings(env).dns_servers == ("9.9.9.9", "[2620:fe::fe]:5353")


def test_t23_a_likely_slip_is_hinted_at_and_never_corrected(
    client, notice, work, mailbox, names, session
):
    names.exists("gmial.com", MX=["10 mx.gmial.com."])
    page = client.post("/s/news?lang=de", data=form_values(notice, "anna@gmial.com"))
    assert page.status_code == 422
    assert "Meinten Sie anna@gmail.com?" in page.text
    assert signups(session) == 0
    # What she agreed to stands there, and is sent on with whichever address she presses.
    assert "Ich kann jederzeit widerrufen." in page.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    buttons = re.findall(r'<button[^>]* name="address" value="([^"]+)"', page.text)
    assert buttons == ["anna@gmail.com", "anna@gmial.com"]
    for pressed in buttons:
        sent = client.post("/s/news?lang=de", data={**hidden, "address": pressed})
        assert sent.status_code == 303
    work()
    assert sorted(to for to, _ in mailbox.mails) == ["anna@gmail.com", "anna@gmial.com"]


def test_t23_the_hint_passes_the_minimum_time(app_with, notice, session, clock):
    from datetime import timedelta

    client = app_with(signup_min_seconds=2.0, dns_servers=("off",)).test_client()
    page = client.post("/s/news?from=embed", data=form_values(notice, "anna@gmial.com")).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    clock(timedelta(seconds=3))
    sent = client.post("/s/news", data={**hidden, "address": "anna@gmail.com"})
    assert (sent.status_code, signups(session)) == (303, 1)
