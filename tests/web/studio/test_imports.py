"""Pages of imports: from the file to the rows that come back, by role."""

from __future__ import annotations

import csv
import io
import re

import pytest
import sqlalchemy as sa

from listmgr.imports.models import Import
from listmgr.imports.worker import work_slice
from listmgr.kit.clock import now
from listmgr.operators.models import AuditEntry
from listmgr.subscribers.models import Subscriber
from tests.factories import make_list
from tests.web.studio.conftest import BASE

ROWS = (
    "E-Mail;Vorname;Status\n"
    "anna@example.net;Änne;aktiv\n"
    "bert@example.net;Bert;abgemeldet\n"
    "cora@example.net;=HYPERLINK(1);aktiv\n"
    "kaputt;=1+1;aktiv\n"
    "anna@EXAMPLE.net;Anna;aktiv\n"
)
TOLD = {
    "purpose_id": "1",
    "language": "de",
    "update": "fill",
    "basis": "consent",
    "source": "Altes Programm",
    "statement": "Heute exportiert.",
    "column-0": "email",
    "column-1": "first_name",
    "column-2": "=status",
}


def bring(at, content: bytes, name: str = "people.csv"):
    # Put together here: the test client would leave a file of its own open.
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'.format
    data = (
        part("csrf_token", "").encode()
        + at.token().encode()
        + b"\r\n"
        + part("file", f'; filename="{name}"').encode()
        + content
        + b"\r\n--x--\r\n"
    )
    return at.browser.post(
        "/studio/imports/new",
        data=data,
        base_url=BASE,
        content_type="multipart/form-data; boundary=x",
    )


def work(uow, import_id: int = 1) -> None:
    while work_slice(uow, import_id, "worker", now=now):
        pass


def looked_through(at, uow) -> None:
    assert at.post("/studio/imports/1/describe", TOLD).status_code == 303
    work(uow)


@pytest.fixture
def letter(uow) -> None:
    with uow() as tx:
        make_list(tx)


def test_an_empty_house_says_what_an_import_is(admin):
    page = admin.get("/studio/imports").text
    assert "Nothing has been imported yet" in page
    assert 'href="/studio/imports/new"' in page


def test_the_whole_way_from_a_file_to_its_people(admin, letter, uow, session):
    answer = bring(admin, ROWS.encode("cp1252"))
    assert answer.location == "/studio/imports/1/describe"
    page = admin.get("/studio/imports/1/describe").text
    assert "Änne" in page
    assert '<option value="email" selected>' in page
    assert '<option value="=status" selected>' in page
    assert "“abgemeldet” means" in page
    assert admin.post("/studio/imports/1/describe", TOLD).location == "/studio/imports/1"
    assert 'data-refresh="/studio/imports/1/progress"' in admin.get("/studio/imports/1").text
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "2 of 5 rows would be imported; 2 would be skipped" in page
    assert "1 row adds no one" in page
    assert "The person stands further up in this file." in page
    assert session.scalars(sa.select(Subscriber)).all() == []
    assert admin.post("/studio/imports/1/run").status_code == 303
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "Done: 2 of 5 rows were imported; 2 were skipped." in page
    assert len(session.scalars(sa.select(Subscriber)).all()) == 2
    session.rollback()
    acts = session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [
        act for act in acts if act in {"import.uploaded", "import.mapped", "import.started"}
    ] == [
        "import.uploaded",
        "import.mapped",
        "import.started",
    ]


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "1 of 1 row would be imported", "Done: 1 of 1 row was imported"),
        ("de", "1 von 1 Zeile würde aufgenommen", "Fertig: 1 von 1 Zeile ist aufgenommen"),
    ],
)
def test_one_row_is_told_as_one(desk, letter, uow, language, before, after):
    at = desk(language=language)
    bring(at, b"email,Vorname\nanna@example.net,Anna\n")
    at.post("/studio/imports/1/describe", TOLD)
    work(uow)
    assert before in at.get("/studio/imports/1").text
    at.post("/studio/imports/1/run")
    work(uow)
    assert after in at.get("/studio/imports/1").text


def test_rows_of_another_encoding_are_named_before_anybody_is_taken_in(admin, letter, uow):
    content = "email,Vorname\na@example.net,Änne\nb@example.net,Jörg\n".encode()
    bring(admin, content + "c@example.net,Jürgen\n".encode("cp1252"))
    page = admin.get("/studio/imports/1/describe").text
    assert "The file was taken for UTF-8" in page
    assert "Rows: 3." in page
    admin.post("/studio/imports/1/describe", TOLD)
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "The file was taken for UTF-8" in page
    assert "Rows: 3." in page
    assert "<dt>Read as</dt><dd>UTF-8</dd>" in page


def test_a_file_without_rows_says_so_and_offers_no_run(admin, letter, uow):
    bring(admin, b"E-Mail;Vorname;Status\n")
    admin.post("/studio/imports/1/describe", TOLD)
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "but no rows" in page
    assert 'action="/studio/imports/1/run"' not in page


def test_who_gets_no_mail_is_said_before_anybody_is_taken_in(admin, letter, uow):
    bring(admin, ROWS.encode())
    admin.post("/studio/imports/1/describe", TOLD)
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "2 of them are only captured and get no mail." in page
    assert "under “Change mapping”" in page
    admin.post("/studio/imports/1/run")
    work(uow)
    assert 'class="alert-link" href="/studio/forms"' in admin.get("/studio/imports/1").text


def test_a_german_operator_reads_german_reasons_days_and_columns(admin, letter, uow):
    admin.post("/studio/account/language", {"language": "de"})
    bring(admin, b"anna@example.net;Anna\nHans <hans@example.net>;Hans\n")
    told = TOLD | {"column-0": "email", "column-1": "first_name"}
    admin.post("/studio/imports/1/describe", told)
    work(uow)
    page = admin.get("/studio/imports/1").text
    assert "Hier darf nur die Adresse selbst stehen, ohne Namen und Klammern." in page
    assert "<th>Spalte 1</th>" in page
    assert re.search(r"<dd>\d\d\.\d\d\.\d{4} \d\d:\d\d</dd>", page)


def test_t19_refused_rows_come_back_with_their_reason_and_no_formula(admin, letter, uow):
    bring(admin, ROWS.encode())
    admin.post("/studio/imports/1/describe", TOLD)
    work(uow)
    answer = admin.get("/studio/imports/1/refused.csv")
    assert answer.mimetype == "text/csv"
    found = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert found[0] == ["Row", "Result", "Reason", "E-Mail", "Vorname", "Status"]
    assert found[1][:2] == ["4", "no valid address"]
    assert found[1][4] == "'=1+1"
    assert found[2][0] == "5"
    # The file is fit to be brought again.
    assert bring(admin, answer.data).status_code == 303


def test_a_mistake_loses_nothing_that_was_typed(admin, letter, session):
    bring(admin, ROWS.encode())
    wrong = TOLD | {"column-1": "email", "source": "", "statement": "Bleibt <b>stehen</b>"}
    answer = admin.post("/studio/imports/1/describe", wrong)
    assert answer.status_code == 422
    assert "Only one column can be this." in answer.text
    assert "Describe where these people come from." in answer.text
    assert "Bleibt &lt;b&gt;stehen&lt;/b&gt;" in answer.text
    assert session.scalars(sa.select(Import.status)).one().value == "uploaded"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"column-0": ""}, "Choose the column of the e-mail addresses."),
        ({"confirm": "1"}, "Choose the column with the time when each person agreed."),
        ({"purpose_id": "99"}, "Choose a purpose with a published consent text."),
        ({"basis": "none"}, "Choose the legal basis."),
        ({"column-1": "salary"}, "There is no such field."),
    ],
)
def test_what_is_lacking_is_said(admin, letter, change, message):
    bring(admin, ROWS.encode())
    answer = admin.post("/studio/imports/1/describe", TOLD | change)
    assert answer.status_code == 422
    assert message in answer.text


def test_what_is_no_table_is_refused_with_a_sentence(admin, session):
    answer = bring(admin, b"%PDF-1.7 no table")
    assert answer.status_code == 422
    assert "This is no table." in answer.text
    assert session.scalars(sa.select(Import)).all() == []
    answer = admin.browser.post(
        "/studio/imports/new", data={"csrf_token": admin.token()}, base_url=BASE
    )
    assert "Choose a file." in answer.text


def test_a_file_larger_than_a_form_is_taken(admin, letter, session):
    rows = "".join(f"p{n}@example.net;Name;aktiv\n" for n in range(100_000))
    assert bring(admin, f"E-Mail;Vorname;Status\n{rows}".encode()).status_code == 303
    assert session.scalars(sa.select(Import.size)).one() > 2 * 1024 * 1024


def test_a_file_can_be_read_otherwise(admin, letter, session):
    bring(admin, "Anna;anna@example.net\nBert;bert@example.net\n".encode("utf-16-le"))
    told = {"encoding": "utf-16-le", "delimiter": ";", "header": "1"}
    assert admin.post("/studio/imports/1/reading", told).status_code == 303
    found = session.scalars(sa.select(Import)).one()
    assert found.columns == ["Anna", "anna@example.net"]


def test_an_import_that_went_on_is_steered_no_more(admin, letter, uow):
    bring(admin, ROWS.encode())
    assert admin.post("/studio/imports/1/cancel").status_code == 303
    assert "Cancelled." in admin.get("/studio/imports/1").text
    assert admin.get("/studio/imports/1/describe").status_code == 409
    page = admin.browser.post(
        "/studio/imports/1/run",
        data={"csrf_token": admin.token()},
        base_url=BASE,
        follow_redirects=True,
    ).text
    assert "The import has moved on" in page


def test_b02_pages_and_downloads_of_a_cancelled_import_show_nobody(admin, letter, uow):
    bring(admin, f"{ROWS}niemand;Karla Kahl;aktiv\n".encode())
    looked_through(admin, uow)
    page = admin.get("/studio/imports/1").text
    assert "anna@example.net" in page
    assert "Karla Kahl" in admin.get("/studio/imports/1/refused.csv").text
    admin.post("/studio/imports/1/cancel")
    for path in ("/studio/imports/1", "/studio/imports/1/progress", "/studio/imports"):
        page = admin.get(path).text
        assert "anna" not in page
        assert "Karla" not in page
    answer = admin.get("/studio/imports/1/refused.csv")
    assert answer.status_code == 404
    assert "The file has been deleted, and its rows with it." in answer.text


def test_b14_no_declaration_is_made_for_the_operator(admin, letter, session):
    bring(admin, ROWS.encode())
    page = admin.get("/studio/imports/1/describe").text
    for name in ("purpose_id", "basis"):
        field = page[page.index(f'id="{name}"') :]
        field = field[: field.index("</select>")]
        assert '<option value="' in field
        assert re.findall(r'value="([^"]*)" selected', field) in ([], [""]), name
    undeclared = {
        name: value for name, value in TOLD.items() if name not in {"purpose_id", "basis"}
    }
    answer = admin.post("/studio/imports/1/describe", undeclared)
    assert answer.status_code == 422
    assert "Choose the legal basis." in answer.text
    assert "Choose a purpose" in answer.text
    session.rollback()
    assert session.scalars(sa.select(Import.basis)).one() == ""


def test_b13_a_cancelled_import_says_what_became_of_it(admin, letter, uow):
    bring(admin, ROWS.encode())
    looked_through(admin, uow)
    admin.post("/studio/imports/1/cancel")
    page = admin.get("/studio/imports/1").text
    assert "Nobody has been imported." in page
    assert "stay" not in page.split('id="main"')[1].split("panels")[0]
    assert "What would have happened to the rows" in page
    assert "What happens to the rows" not in page
    assert "refused.csv" not in page


@pytest.mark.parametrize("role", ["marketer", "sales", "service", "privacy", "auditor"])
def test_l37_only_administrators_import(desk, role):
    at = desk(role)
    assert at.get("/studio/imports/new").status_code == 403
    allowed = 200 if role in {"service", "privacy", "auditor"} else 403
    assert at.get("/studio/imports").status_code == allowed


def test_looking_at_rows_of_people_is_written_down(admin, letter, session):
    bring(admin, ROWS.encode())
    admin.get("/studio/imports/1/describe")
    admin.get("/studio/imports/1")
    admin.get("/studio/imports/1/refused.csv")
    acts = session.scalars(sa.select(AuditEntry.action)).all()
    assert {"import.rows_viewed", "import.viewed", "import.rejects_downloaded"} <= set(acts)
    assert "anna" not in str(session.scalars(sa.select(AuditEntry.details)).all())
