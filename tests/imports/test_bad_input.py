"""Files as hostile or careless people send them: each has a clear verdict, none breaks anything."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import openpyxl
import pytest
import sqlalchemy as sa

from listmgr.imports.models import Import, Phase
from listmgr.imports.readers.csv_rows import OTHER_TEXT
from listmgr.kit.errors import InvalidInput
from listmgr.subscribers.models import Subscriber


def addresses(session) -> list[str]:
    session.rollback()
    return list(session.scalars(sa.select(Subscriber.address_key).order_by(Subscriber.id)))


def kept(bench, content: bytes | str, name: str = "x.csv", **changes) -> list[tuple[int, str]]:
    import_id = bench.take_in(content, name, **changes)
    return [(number, verdict) for number, verdict, _reason in bench.kept(import_id)]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n \n", b"\xef\xbb\xbf", b"\x00\x00\x00\x00", b"\x89PNG\r\n\x1a\n" + b"\x01" * 99],
)
def test_what_is_no_table_is_refused_and_not_kept(bench, session, content):
    with pytest.raises(InvalidInput):
        bench.bring(content)
    assert session.scalars(sa.select(Import)).all() == []


def test_a_header_alone_takes_nobody_in(bench, session):
    import_id = bench.take_in("email,first name\n")
    assert bench.verdicts(import_id) == {}
    assert bench.row(import_id).rows_total == 0


def test_without_a_header_the_addresses_are_found_by_their_cells(bench, session):
    bench.take_in("Anna;anna@example.org\nBert;bert@example.org\n")
    assert addresses(session) == ["anna@example.org", "bert@example.org"]


def test_of_two_columns_of_one_name_the_first_counts(bench, session):
    import_id = bench.take_in("email,email\nanna@example.org,other@example.org\n")
    assert bench.row(import_id).columns == ["email", "email (2)"]
    assert addresses(session) == ["anna@example.org"]


def test_ragged_rows_lack_cells_or_are_refused(bench, session):
    content = "email,first name,company\na@example.org\nb@example.org,B,C,D\nc@example.org,C,,,\n"
    assert kept(bench, content) == [(2, "bad_row")]
    assert addresses(session) == ["a@example.org", "c@example.org"]


def test_a_quote_that_is_never_closed_costs_one_row(bench, session):
    content = 'email,first name\na@example.org,"A\nb@example.org,B\nc@example.org,C\n'
    assert kept(bench, content) == [(1, "bad_row")]
    assert addresses(session) == ["b@example.org", "c@example.org"]


def test_a_quote_that_is_closed_too_late_costs_two_hundred_lines_at_most(bench, session):
    rows = "".join(f"p{n}@example.org,x\n" for n in range(600))
    content = f'email,first name\n"a@example.org,A\n{rows}"z@example.org",Z\n'
    assert kept(bench, content) == [(1, "bad_row")]
    assert len(addresses(session)) == 601


def test_a_cell_may_run_over_lines(bench, session):
    import_id = bench.take_in('email,company\na@example.org,"Berg\nGmbH"\n')
    # A line break belongs in no mail header: the value is refused, the rows around it are not.
    assert bench.verdicts(import_id) == {"bad_value": 1}
    import_id = bench.take_in('email,note\na@example.org,"Berg\nGmbH"\nb@example.org,x\n')
    assert bench.verdicts(import_id) == {"new": 2}


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16", b""),
        ("utf-16-le", b""),
        ("cp1252", b""),
    ],
)
def test_encodings_are_told_by_their_bytes(bench, session, encoding, mark):
    rows = "".join(f"p{n}@example.org,Jürgen Groß\n" for n in range(20))
    bench.take_in(mark + f"email,first name\n{rows}".encode(encoding))
    session.rollback()
    assert set(session.scalars(sa.select(Subscriber.first_name))) == {"Jürgen Groß"}


def test_rows_of_another_encoding_are_refused_alone(bench, session):
    rows = "".join(f"p{n}@example.org,Jürgen\n" for n in range(20))
    content = f"email,first name\n{rows}".encode() + "x@example.org,Jürgen\n".encode("cp1252")
    assert kept(bench, content) == [(21, "bad_row")]
    assert len(addresses(session)) == 20


def test_a_few_broken_letters_make_no_windows_file_of_a_small_one(bench, session):
    content = "email,first name\na@example.org,Jürgen\nb@example.org,Änne\n".encode()
    content += "c@example.org,Jörg\n".encode("cp1252")
    assert kept(bench, content) == [(3, "bad_row")]
    session.rollback()
    assert set(session.scalars(sa.select(Subscriber.first_name))) == {"Jürgen", "Änne"}


def test_utf_8_within_windows_1252_is_refused_alone_and_said(bench, session):
    old = "".join(f"p{n}@example.org,Jürgen\n" for n in range(9)).encode("cp1252")
    content = b"email,first name\n" + old + 'x@example.org,"Jörg, Â"\n'.encode()
    import_id = bench.take_in(content)
    assert bench.kept(import_id) == [(10, "bad_row", OTHER_TEXT)]
    session.rollback()
    assert set(session.scalars(sa.select(Subscriber.first_name))) == {"Jürgen"}


@pytest.mark.parametrize("name", ["SÃO", "Âne", "CAFÉ", "É®", "Ä“", "Ã", "José", "â€"])
def test_what_may_be_a_name_in_windows_1252_is_taken_for_none_of_utf_8(bench, session, name):
    rows = "".join(f"p{n}@example.org,Jürgen\n" for n in range(9))
    bench.take_in(f"email,first name\n{rows}x@example.org,{name}\n".encode("cp1252"))
    session.rollback()
    assert name in set(session.scalars(sa.select(Subscriber.first_name)))


def test_an_opt_out_counts_though_the_letters_are_wrong(bench, session):
    old = "".join(f"p{n}@example.org,Jürgen,active\n" for n in range(9)).encode("cp1252")
    content = b"email,first name,status\n" + old + "x@example.org,Jörg,unsubscribed\n".encode()
    assert bench.verdicts(bench.take_in(content)) == {"new": 9, "opted_out": 1}
    assert session.scalar(sa.text("SELECT count(*) FROM suppressions")) == 1


def test_a_nul_is_refused_with_its_row(bench, session):
    assert kept(bench, b"email,first name\na@example.org,A\0\nb@example.org,B\n") == [
        (1, "bad_row")
    ]
    assert addresses(session) == ["b@example.org"]


def test_control_characters_are_refused_with_their_row(bench, session):
    content = "email,first name\na@example.org,A\x07\nb@example.org,B\u2028C\nc@example.org,C\n"
    assert kept(bench, content) == [(1, "bad_value"), (2, "bad_value")]


def test_a_line_of_200_mb_is_read_in_pieces(bench, session, settings):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    block = b"x" * (1 << 20)
    content = io.BytesIO()
    content.write(b"email\na@example.org\n")
    for _ in range(200):
        content.write(block)
    content.write(b"\nb@example.org\n")
    octets = content.getvalue()
    del content
    import_id = bench.take_in(octets)
    assert bench.verdicts(import_id) == {"new": 2, "bad_row": 1}
    assert addresses(session) == ["a@example.org", "b@example.org"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # What the test itself holds of it, twice, and little more.
    assert grown < 3 * 210_000


@pytest.mark.parametrize(
    ("typed", "verdict"),
    [
        (" anna@example.org ", ""),
        ("anna@example.org.", ""),
        ("anna@bücher.example", ""),
        ("jürgen@example.org", ""),
        ("anna+news@example.org", ""),
        ("Anna Berg <anna@example.org>", "bad_address"),
        ('"anna@example.org; bert@example.org"', "bad_address"),
        ('"anna@example.org,bert@example.org"', "bad_address"),
        ("anna berg@example.org", "bad_address"),
        ("anna@exa mple.org", "bad_address"),
        ("😀@example.org", ""),
        ("anna@😀.example", "bad_address"),
        ("anna@@example.org", "bad_address"),
        ("anna..berg@example.org", "bad_address"),
        ("anna@example", "bad_address"),
        ("anna@-x.example", "bad_address"),
        (".anna@example.org", "bad_address"),
        ("anna", "bad_address"),
        ("@example.org", "bad_address"),
        ("a@" + "b" * 300 + ".org", "bad_address"),
    ],
)
def test_addresses_in_every_shape(bench, session, typed, verdict):
    content = f"email;first name\n{typed};A\nok@example.org;B\n"
    assert kept(bench, content) == ([(1, verdict)] if verdict else [])
    assert len(addresses(session)) == (1 if verdict else 2)


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    found = io.BytesIO()
    book.save(found)
    return found.getvalue()


def with_macros(octets: bytes) -> bytes:
    found = io.BytesIO(octets)
    with zipfile.ZipFile(found, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"Sub AutoOpen()")
    return found.getvalue()


def test_a_workbook_is_read_and_its_formulas_and_macros_are_not_run(bench, session):
    rows = [
        ["E-Mail", "Vorname"],
        ["a@example.org", "A"],
        ['=CONCATENATE("b","@example.org")', "B"],
    ]
    content = with_macros(workbook(rows))
    # The formula was never computed, so that there is no value of it.
    assert kept(bench, content, "people.xlsm") == [(2, "bad_address")]
    assert addresses(session) == ["a@example.org"]


def test_a_damaged_workbook_says_what_to_do(bench):
    content = workbook([["E-Mail"], ["a@example.org"]])
    with pytest.raises(InvalidInput, match="damaged"):
        bench.bring(content[: len(content) // 2])


def packed(**members: bytes) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive_:
        for name, content in members.items():
            archive_.writestr(name.replace("_", "."), content)
    return found.getvalue()


def test_a_zip_bomb_is_not_unpacked(bench):
    with pytest.raises(InvalidInput, match="fill the disk"):
        bench.bring(packed(people_csv=b"email\n" + b"a" * (40 << 20)))


def test_an_archive_without_tables_says_so(bench):
    with pytest.raises(InvalidInput, match="no CSV"):
        bench.bring(packed(people_pdf=b"%PDF"))


def allow(bench, settings, megabytes: int) -> None:
    """From now on the bench may bring so much."""
    small = replace(settings, import_megabytes=megabytes)

    class Small:
        def __enter__(self):
            self.inner = bench_uow()
            tx = self.inner.__enter__()
            tx.settings = small
            return tx

        def __exit__(self, *error):
            return self.inner.__exit__(*error)

    bench_uow, bench.uow = bench.uow, Small


def test_a_file_that_is_too_large_is_refused(bench, settings):
    with bench.uow() as tx:
        assert tx.settings.import_megabytes == 512
    allow(bench, settings, 0)
    with pytest.raises(InvalidInput, match="larger than the settings"):
        bench.bring("email\na@example.org\n")


def test_what_may_not_be_sent_plain_may_not_be_sent_packed(bench, settings, session):
    allow(bench, settings, 1)
    rows = "".join(f"p{n}@example.org,{n}\n" for n in range(40_000)).encode()
    assert len(rows) < 1 << 20
    bench.bring(packed(people_csv=b"email,n\n" + rows))
    with pytest.raises(InvalidInput, match="unpacks to more than the settings allow"):
        bench.bring(packed(a_csv=b"email,n\n" + rows, b_csv=b"email,n\n" + rows))
    assert session.scalar(sa.select(sa.func.count()).select_from(Import)) == 1


def test_the_look_before_changes_nothing(bench, session):
    import_id = bench.look("email,status\na@example.org,active\nb@example.org,unsubscribed\n")
    assert bench.verdicts(import_id, Phase.CHECK) == {"new": 1, "opted_out": 1}
    for table in ("subscribers", "consents", "consent_events", "suppressions"):
        assert session.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 0
