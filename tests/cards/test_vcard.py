"""Quirks of vCard files as phones, Outlook and servers write them (requirements, section 4.2)."""

from __future__ import annotations

import pytest

from listmgr.cards.parsing.vcard import parse_vcards
from tests.cards.vcards import fields

# 1. Bare parameters, small letters, the version at the end.


def test_bare_parameters_of_version_21():
    card = fields(
        "N:Müller;Anna",
        "TEL;WORK;VOICE:+49 30 1",
        "TEL;CELL:+49 171 2",
        "EMAIL;INTERNET;HOME:a@example.org",
        "EMAIL;INTERNET;PREF:b@example.org",
        version="2.1",
    )
    assert [(phone.number, phone.label) for phone in card.phones] == [
        ("+49 30 1", "work"),
        ("+49 171 2", "cell"),
    ]
    assert card.email.address == "b@example.org"
    assert card.emails[0].label == "home"


def test_thunderbirds_bare_quoted_printable_without_a_version():
    data = (
        b"begin:vcard\r\nfn;quoted-printable:D=C3=BCmmy\r\n"
        b"n;quoted-printable:D=C3=BCmmy;Eva\r\nend:vcard\r\n"
    )
    (card,) = parse_vcards(data).cards
    assert card.fields.full_name.value == "Dümmy"
    assert card.fields.last_name.value == "Dümmy"


def test_small_letters_and_the_version_at_the_end():
    data = (
        b"begin:vcard\nfn:Anna\\, die Erste\nemail;internet:a@example.org\nversion:2.1\nend:vcard\n"
    )
    (card,) = parse_vcards(data).cards
    # In 2.1 a backslash is a letter, and only the end of the card told that it is one.
    assert card.fields.full_name.value == "Anna\\, die Erste"


# 2. Soft breaks of quoted-printable.


@pytest.mark.parametrize("indent", ["", " ", "\t"])
def test_soft_breaks_with_and_without_indent_split_a_letter(indent):
    card = fields(
        "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Anna M=C3=",
        f"{indent}=BCller=20und=20S=",
        f"{indent}=C3=B6hne",
        "EMAIL:a@example.org",
        version="2.1",
    )
    assert card.full_name.value == "Anna Müller und Söhne"
    assert card.email.address == "a@example.org"


def test_line_breaks_inside_an_address_and_a_label():
    card = fields(
        "FN:Anna",
        "ADR;WORK;ENCODING=QUOTED-PRINTABLE:;;Haus 3=0D=0AHauptstr. 12;Berlin;;10115;Germany",
        version="2.1",
    )
    assert [line.value for line in card.postal] == [
        "Haus 3",
        "Hauptstr. 12",
        "10115 Berlin",
        "Germany",
    ]
    label = fields("FN:Anna", "LABEL;ENCODING=QUOTED-PRINTABLE:Hof 1=0D=0A1010 Wien", version="2.1")
    assert [line.value for line in label.postal] == ["Hof 1", "1010 Wien"]


def test_a_soft_break_at_the_end_does_not_swallow_the_end_of_the_card():
    card = fields("FN:Anna", "NOTE;ENCODING=QUOTED-PRINTABLE:abc=", version="2.1")
    assert card.note.value.startswith("abc")


# 3. Charsets that are wrong or not named.


def test_outlooks_quoted_windows_1252_without_a_charset():
    assert (
        fields("FN;ENCODING=QUOTED-PRINTABLE:Test=DF=E4", version="2.1").full_name.value == "Testßä"
    )


def test_dolibarrs_encoding_quoted():
    assert fields("FN;ENCODING=QUOTED:J=C3=B6rg", version="2.1").full_name.value == "Jörg"


def test_a_declared_charset_counts_first():
    line = "FN;CHARSET=ISO-8859-5;ENCODING=QUOTED-PRINTABLE:=B8=D2=D0=DD"
    assert fields(line, version="2.1").full_name.value == "Иван"


@pytest.mark.parametrize(
    "charset", ["", ";CHARSET=WINDOWS-1252", ";CHARSET=nonsense", ";CHARSET=hex"]
)
def test_octets_of_windows_1252_in_the_file(charset):
    card = fields(f"FN{charset}:Jörg Weiß – Söhne", encoding="cp1252", version="2.1")
    assert card.full_name.value == "Jörg Weiß – Söhne"


def test_one_file_with_cards_of_two_charsets():
    one = "BEGIN:VCARD\nVERSION:3.0\nFN:Jörg\nEND:VCARD\n"
    result = parse_vcards(one.encode() + one.encode("latin-1"))
    assert [card.fields.full_name.value for card in result.cards] == ["Jörg", "Jörg"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_marks_and_utf_16(encoding):
    assert fields("FN:Jörg Grün", encoding=encoding).full_name.value == "Jörg Grün"


def test_utf_8_that_was_read_as_windows_1252_is_repaired():
    broken = "Müller – Söhne".encode().decode("cp1252")
    assert fields(f"FN:{broken}").full_name.value == "Müller – Söhne"
    assert fields("FN:Ângela Ãlves").full_name.value == "Ângela Ãlves"


# 4. Apple's groups and labels, several addresses.


def test_apples_labels_and_the_preferred_address():
    card = fields(
        "FN:Anna",
        "EMAIL;type=INTERNET;type=HOME:private@example.org",
        "item1.EMAIL;type=INTERNET;type=pref:work@example.org",
        "item1.X-ABLabel:_$!<Work>!$_",
        "item2.EMAIL:club@example.org",
        "item2.X-ABLabel:Verein",
    )
    assert [(email.address, email.label, email.preferred) for email in card.emails] == [
        ("private@example.org", "home", False),
        ("work@example.org", "work", True),
        ("club@example.org", "verein", False),
    ]


def test_several_that_want_to_be_preferred_leave_one():
    card = fields("FN:A", "EMAIL;PREF=2:a@example.org", "EMAIL;PREF=1:b@example.org", version="4.0")
    assert [email.preferred for email in card.emails] == [False, True]
    card = fields("FN:A", "EMAIL;TYPE=pref:a@example.org", "EMAIL;TYPE=pref:b@example.org")
    assert [email.preferred for email in card.emails] == [True, False]


def test_without_a_preference_the_first_address_counts():
    card = fields("FN:A", "EMAIL:a@example.org", "EMAIL:b@example.org")
    assert card.email.address == "a@example.org"


# 5. Escapes.


def test_escapes_of_version_3():
    card = fields("FN:A", r"ORG:ABC\, Inc.;Dept\; East", r"NOTE:one\ntwo\Nthree \\ four")
    assert card.organisation.value == "ABC, Inc."
    assert card.department.value == "Dept; East"
    assert card.note.value == "one\ntwo\nthree \\ four"


def test_version_21_escapes_only_the_separator():
    card = fields("FN:A", r"ORG:C:\new\; old;Dept", version="2.1")
    assert card.organisation.value == r"C:\new; old"
    assert card.department.value == "Dept"


def test_commas_escaped_twice():
    assert fields(r"FN:Anna", r"ORG:ABC\\, Inc.").organisation.value == "ABC, Inc."


def test_an_escaped_backslash_before_a_separator_does_not_escape_it():
    card = fields("FN:A", "ORG:ABC\\\\;Dept")
    assert (card.organisation.value, card.department.value) == ("ABC\\", "Dept")


# 6. Pictures and keys.


def test_photos_are_dropped_unread_however_they_are_folded():
    photo = "A" * 76
    card = fields(
        "FN:Anna",
        "PHOTO;ENCODING=BASE64;JPEG:" + photo,
        *(f" {photo}" for _ in range(2_000)),
        "",
        "LOGO;ENCODING=b;TYPE=PNG:" + "A" * 200_000,
        "KEY;ENCODING=BASE64:" + photo,
        photo,
        photo,
        "",
        "PHOTO;VALUE=URI:http://127.0.0.1:1/steal.jpg",
        "EMAIL:a@example.org",
    )
    assert card.email.address == "a@example.org"


def test_no_link_is_fetched(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    card = fields(
        "FN:Anna",
        "PHOTO:http://127.0.0.1/p.jpg",
        "SOUND;VALUE=uri:http://127.0.0.1/s.ogg",
        "URL:https://example.org/a",
        "URL:javascript:alert(1)",
        "URL:file:///etc/passwd",
        "SOURCE:http://127.0.0.1/card.vcf",
    )
    assert [url.value for url in card.urls] == ["https://example.org/a"]


# 7. Several cards, nesting, missing ends, line ends, names.


# 8. Addresses.


def test_quoted_parameters_with_colons_and_carets():
    card = fields(
        "FN:A",
        'ADR;LABEL="Hof 1^n1010 Wien: Mitte":;;;;;;',
        'TEL;TYPE="work,voice":+43 1',
        "LANG:de-AT",
        version="4.0",
    )
    assert [line.value for line in card.postal] == ["Hof 1", "1010 Wien: Mitte"]
    assert card.phones[0].label == "work"
    assert card.language.value == "de"
