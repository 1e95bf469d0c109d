"""Settings are checked at start, each wrong one by one sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from listmgr.config import SettingsError, load_settings, setting_names

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def env(tmp_path):
    return {"LISTMGR_DATA_DIR": str(tmp_path / "data dir")}


@pytest.mark.parametrize(
    "keys", ["", ",", f"{KEY},", f",{KEY}", f"{KEY}, ,{KEY}", "short", " " * 40]
)
def test_w01_an_empty_or_short_signing_key_is_refused(env, keys):
    with pytest.raises(SettingsError, match="LISTMGR_SECRET_KEY holds an empty key"):
        load_settings(env | {"LISTMGR_SECRET_KEY": keys})


@pytest.mark.parametrize("name", ["LISTMGR_SUPPRESSION_KEY", "LISTMGR_ANCHOR_KEY"])
@pytest.mark.parametrize("key", ["", "x", KEY[:-1]])
def test_w01_the_other_keys_are_no_shorter(env, name, key):
    with pytest.raises(SettingsError, match=name):
        load_settings(env | {name: key})


def test_w01_an_empty_secret_file_is_refused_and_kept(env, tmp_path):
    """A process that was killed while it wrote its secret must not leave an empty key behind."""
    load_settings(env)
    path = tmp_path / "data dir" / "secrets" / "secret_key"
    path.write_text("")
    with pytest.raises(SettingsError, match="secret_key holds an empty key"):
        load_settings(env)
    assert path.read_text() == ""


def test_w01_keys_are_rotated_newest_first(env):
    older = KEY[::-1]
    settings = load_settings(env | {"LISTMGR_SECRET_KEY": f"{KEY}, {older}"})
    assert settings.secret_keys == (KEY, older)


def test_w01_secrets_appear_whole_also_when_many_processes_start_at_once(env):
    code = "from listmgr.config import load_settings; print(load_settings().secret_keys[0])"
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=os.environ | env, stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    keys = {process.communicate(timeout=60)[0].strip() for process in started}
    assert len(keys) == 1
    assert len(keys.pop()) >= 32


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTMGR_SMTP_TIMEOUT", "abc"),
        ("LISTMGR_SMTP_TIMEOUT", "0"),
        ("LISTMGR_SMTP_TIMEOUT", "nan"),
        ("LISTMGR_SMTP_TIMEOUT", "inf"),
        ("LISTMGR_SMTP_URL", "smtp://mail:99999"),
        ("LISTMGR_SMTP_URL", "smtp://mail:port"),
        ("LISTMGR_SMTP_URL", "smtp://[::1"),
        ("LISTMGR_SMTP_URL", "mail.example.org"),
        ("LISTMGR_SMTP_URL", "smtp://user:pa/ss@mail.example.org"),
        ("LISTMGR_SMTP_URL", "smtp://user:pa#ss@mail.example.org"),
        ("LISTMGR_SMTP_URL", "smtp://user:50%off@mail.example.org"),
        ("LISTMGR_SMTP_URL", "smtp://user:%ff@mail.example.org"),
        ("LISTMGR_TIMEZONE", "Nowhere/City"),
        ("LISTMGR_TIMEZONE", "../../etc/passwd"),
        ("LISTMGR_TIMEZONE", ""),
        ("LISTMGR_WINDOW_SIZE", "0"),
        ("LISTMGR_WINDOW_SIZE", "-5"),
        ("LISTMGR_WINDOW_SIZE", "2.5"),
        ("LISTMGR_WINDOW_SIZE", ""),
        ("LISTMGR_WINDOW_SECONDS", "3600"),
        ("LISTMGR_SEND_SLOTS", "0"),
        ("LISTMGR_CONFIRM_DAYS", "15"),
        ("LISTMGR_IP_STORAGE", "maybe"),
        ("LISTMGR_DEFAULT_LANGUAGE", "xx"),
        ("LISTMGR_MAIL_SENDER", "Listmgr <news@example.org>"),
        ("LISTMGR_MAIL_SENDER", "news"),
        ("LISTMGR_BOUNCE_DOMAIN", "bounces.example.org\r\nX: y"),
        ("LISTMGR_BASE_URL", "news.example.org"),
        ("LISTMGR_BASE_URL", "https://user@news.example.org"),
        ("LISTMGR_BASE_URL", "https://news.example.org:port"),
        ("LISTMGR_BASE_URL", "https://news.example.org/?a=b"),
        ("DATABASE_URL", "mysql://root@localhost/listmgr"),
        ("REDIS_URL", "sentinel://localhost"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_w04_d12_a_wrong_setting_is_named_in_one_sentence(env, name, value, tmp_path):
    with pytest.raises(SettingsError, match=name) as refused:
        load_settings(env | {name: value})
    assert "\n" not in str(refused.value)
    # Nothing has been made by then.
    assert list(tmp_path.iterdir()) == []


def test_w04_a_warning_of_ageing_comes_before_the_ageing(env):
    with pytest.raises(SettingsError, match="LISTMGR_AGEING_WARN_MONTHS"):
        load_settings(env | {"LISTMGR_AGEING_WARN_MONTHS": "37"})
    assert load_settings(env | {"LISTMGR_AGEING_WARN_MONTHS": "36"}).ageing_warn_months == 36


def test_w04_an_error_never_shows_a_password(env):
    for url in ("smtp://user:Geheim-77@mail:99999", "http://user:Geheim-77@mail", "Geheim-77"):
        with pytest.raises(SettingsError) as refused:
            load_settings(env | {"LISTMGR_SMTP_URL": url})
        assert "Geheim" not in str(refused.value)
    for name in ("DATABASE_URL", "REDIS_URL"):
        with pytest.raises(SettingsError) as refused:
            load_settings(env | {name: "mysql://user:Geheim-77@host"})
        assert "Geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "username", "password"),
    [
        ("mailer%40example.org:p%40ss%2Fword", "mailer@example.org", "p@ss/word"),
        ("ren%C3%A9:%23%3F%25%3A%20%5B%5D", "rené", "#?%: []"),
        ("plain:a+b=c!$&'()*,;~", "plain", "a+b=c!$&'()*,;~"),
    ],
)
def test_d03_user_name_and_password_are_percent_decoded(env, written, username, password):
    url = f"smtp+starttls://{written}@mail.example.org:587"
    mail = load_settings(env | {"LISTMGR_SMTP_URL": url}).mail
    assert (mail.username, mail.password) == (username, password)
    assert (mail.host, mail.port, mail.security) == ("mail.example.org", 587, "starttls")


def test_d12_a_misspelt_name_is_warned_of_with_the_nearest_one(env):
    wrong = {"LISTMGR_SMTP_TIMOUT": "Geheim-77", "LISTMGR_ZZZZZZZZ": "1"}
    code = "from listmgr.config import load_settings\nload_settings(); load_settings()\n"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | env | wrong,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr.splitlines() == [
        "LISTMGR_SMTP_TIMOUT is no setting and is ignored; did you mean LISTMGR_SMTP_TIMEOUT?",
        "LISTMGR_ZZZZZZZZ is no setting and is ignored",
    ]


def test_d12_every_setting_is_read(env):
    """A name of the list that changed nothing would be a lie of the README."""
    other = {
        "LISTMGR_BASE_URL": "https://news.example.org",
        "LISTMGR_BOUNCE_DOMAIN": "bounces.example.org",
        "LISTMGR_DNS_SERVERS": "off",
        "LISTMGR_DEFAULT_LANGUAGE": "en",
        "LISTMGR_MAIL_SENDER": "news@example.org",
        "LISTMGR_OWNER_DATABASE_URL": "postgresql://listmgr_owner@/listmgr",
        "LISTMGR_SMTP_URL": "smtps://mail.example.org",
        "LISTMGR_TIMEZONE": "Europe/Vienna",
        "LISTMGR_IP_STORAGE": "off",
        "LISTMGR_AGEING_MONTHS": "37",
        "LISTMGR_SECRET_KEY": KEY,
        "LISTMGR_SUPPRESSION_KEY": KEY,
        "LISTMGR_ANCHOR_KEY": KEY,
    }
    usual = load_settings(env)
    for name in sorted(setting_names() - {"LISTMGR_DATA_DIR"}):
        value = other.get(name, "9")
        assert load_settings(env | {name: value}) != usual, name
