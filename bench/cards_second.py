"""Business cards set in HTML and CSS and drawn by Chromium: the set the reader learns from.

Unlike the first set (tests/cards/printed.py: Pillow, three languages) people, firms, jobs and
layouts are put together by chance from lists of thirteen countries, and typefaces are whatever
fontconfig answers for a generic family. Its single failures may be looked at; those of
`bench/cards_third.py` never are.

    python bench/cards_second.py FOLDER    # pictures and truth.json
"""

# ruff: noqa: E501 - rows of people and rules of layout are read best unbroken

import html
import json
import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy
from playwright.sync_api import sync_playwright

SEED = 4711
HOW_MANY = 72
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Truth:
    """What is printed; `name` is given and family name without titles."""

    given: str
    family: str
    organisation: str
    job: str
    email: str
    phones: list[str]
    website: str
    address: str
    title: str = ""
    style: str = ""
    country: str = ""
    lines: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


# Given names, family names, firms (~ is the family name, a bar may break the line), jobs, titles,
# streets, towns, telephone; each list parted by semicolons.
COUNTRIES = {
    "de": (
        "Ruprecht;Svantje;Hans-Jürgen;Yvonne;Thorben;Gesine;Eva-Maria;Lutz",
        "Kleinschmidt;Wöhrle;Graf Bernstorff;Niemeyer-Vogt;Äckerle;Zapf;Schönfeld;Rottmann",
        "~ Dachdecker GmbH;Nordsee|Reederei AG;~ & Söhne KG;ELBWERK;Raum für Ideen;"
        "Sanitätshaus|Am Markt;Deutsche Gesellschaft|für Bauphysik e.V.;Seifenmanufaktur ~",
        "Bauleiter;Geschäftsführender Gesellschafter;Heilpraktikerin;Disponent;"
        "Referentin Energiepolitik;Kundenberatung;Restauratorin;Vorstand",
        "Dr.;Prof. Dr.-Ing.;Dipl.-Kfm.;;;;",
        "Lange Reihe 8;Königstraße 71a;Am Hang 3;Industriepark Nord 12",
        "24937 Flensburg;70173 Stuttgart;01067 Dresden;50668 Köln",
        "+49 461 90 40 {};0711 / 88 92 {}",
    ),
    "at": (
        "Aloisia;Wolfgang;Hannes;Sieglinde",
        "Prohaska;Moosbrugger;Steindl;Haselwanter",
        "~ Tischlerei e.U.;Weingut ~;Kärntner|Holzindustrie Ges.m.b.H.;Salzkammergut Touristik",
        "Prokuristin;Winzer;Projektleitung;Obfrau",
        "Mag.;Dipl.-Ing.;;",
        "Dorfplatz 1;Getreidemarkt 22/3",
        "6900 Bregenz;1060 Wien",
        "+43 5574 40 {};+43 1 587 {}",
    ),
    "ch": (
        "Beat;Ursina;Corsin;Mélanie",
        "Zurbriggen;Tschudi;Rochat;Caduff",
        "~ Elektro AG;Berner|Kantonalverband;Fromagerie ~ SA;Alpenglas",
        "Bereichsleiter;Directrice;Kundenberater;Hauswart",
        "Dr.;lic. iur.;;",
        "Bahnhofstrasse 5;Rue des Alpes 31",
        "3011 Bern;1003 Lausanne",
        "+41 31 370 40 {};+41 21 311 50 {}",
    ),
    "nl": (
        "Sander;Wietske;Gijs;Annelies",
        "van Dalen;Oosterhuis;de Groot;Bakker-Visser",
        "~ Installatietechniek B.V.;Gemeente|Westerwold;Drukkerij ~;Groene Vingers",
        "Projectleider;Beleidsadviseur;Eigenaar;Accountmanager",
        "drs.;mr.;;",
        "Oude Gracht 114;Prins Hendriklaan 8",
        "3511 AW Utrecht;9712 HP Groningen",
        "+31 30 231 40 {};050 311 22 {}",
    ),
    "pl": (
        "Bożena;Sławomir;Katarzyna;Zdzisław",
        "Łukasiewicz;Wróblewska;Nowicki;Żak",
        "~ Budownictwo Sp. z o.o.;Fundacja|Zielony Las;Drukarnia ~ s.c.;Elektromax S.A.",
        "Prezes zarządu;Księgowa;Specjalista ds. sprzedaży;Dyrektor handlowy",
        "dr;mgr;inż.;",
        "ul. Kwiatowa 14;al. Niepodległości 88",
        "80-180 Gdańsk;50-001 Wrocław",
        "+48 58 305 {};+48 71 344 {}",
    ),
    "fr": (
        "Thibaut;Aurélie;Jean-Marc;Clotilde",
        "Marchand;Lefèvre;de La Tour;Guégan",
        "Établissements ~ SARL;Ferme|des Quatre Vents;~ Conseil;Papeteries|du Rhône SAS",
        "Gérante;Ingénieur commercial;Chargée de clientèle;Maître d'ouvrage",
        "Dr;Me;;",
        "15 rue des Lilas;8 bis avenue Foch",
        "69003 Lyon;35000 Rennes",
        "+33 4 78 62 {} 15;02 99 31 {} 40",
    ),
    "it": (
        "Ruggero;Donatella;Pierluigi;Mirella",
        "Galimberti;Di Stefano;Esposito;Zanetti",
        "~ Serramenti S.n.c.;Cooperativa|Terra Nuova;Ceramiche ~ S.p.A.;Idrotermica ~",
        "Responsabile vendite;Geometra;Presidente;Direttore tecnico",
        "Ing.;Dott.ssa;Geom.;",
        "Via Garibaldi 33;Corso Torino 9",
        "25121 Brescia;16129 Genova",
        "+39 030 377 {};010 553 {}",
    ),
    "es": (
        "Aitor;Inmaculada;Xavier;Begoña",
        "Zubizarreta;Olmedo Ruiz;Ferrer;Caballero Gil",
        "Construcciones ~ S.A.;Clínica Dental|Santa Clara;~ Abogados;Viveros del Turia S.L.",
        "Directora técnica;Comercial;Odontóloga;Administrador",
        "D.;Dra.;;",
        "Calle Serrano 40;Av. de la Paz 5",
        "28001 Madrid;46010 Valencia",
        "+34 91 577 {};+34 96 369 {}",
    ),
    "se": (
        "Gunvor;Håkan;Ylva;Tage",
        "Öberg;Sandström;Hjalmarsson;Nyqvist",
        "~ Måleri AB;Västkustens|Båtvarv AB;Advokatfirman ~ KB;Havremagasinet",
        "Verkställande direktör;Projektledare;Advokat;Inköpare",
        ";;;",
        "Kungsgatan 28;Hamngatan 3",
        "411 19 Göteborg;582 26 Linköping",
        "+46 31 711 {};+46 13 12 {}",
    ),
    "dk": (
        "Preben;Asger;Lærke;Ulla",
        "Skovgaard;Bæk;Thomsen;Nørregaard",
        "~ Tømrer & Snedker ApS;Fyns|Fjernvarme A/S;Tegnestuen ~;Klitmøller Fisk",
        "Direktør;Arkitekt;Salgschef;Tømrermester",
        "cand.jur.;;;",
        "Algade 51;Nørregade 7",
        "4000 Roskilde;5000 Odense C",
        "+45 46 35 {};+45 66 12 {}",
    ),
    "fi": (
        "Seppo;Aino-Maria;Tuula;Risto",
        "Mäkelä;Koskinen;Räsänen;Ylönen",
        "~ Metalli Oy;Savon|Rakennuspalvelu Oy;Tilitoimisto ~;Lumipuu",
        "Toimitusjohtaja;Myyntipäällikkö;Kirjanpitäjä;Suunnittelija",
        ";;FM;",
        "Hämeenkatu 12;Kirkkokatu 6",
        "33100 Tampere;70100 Kuopio",
        "+358 3 212 {};+358 17 261 {}",
    ),
    "cz": (
        "Květoslava;Radim;Bohumil;Šárka",
        "Vaněček;Novotná;Říha;Doležalová",
        "~ Stavby s.r.o.;Technické služby|města Kutná Hora;Keramika ~;Strojmetal a.s.",
        "Ředitel;Obchodní zástupce;Vedoucí výroby;Účetní",
        "Ing.;Mgr.;;",
        "Husova 18;Náměstí Míru 2",
        "602 00 Brno;301 00 Plzeň",
        "+420 541 21 {};+420 377 22 {}",
    ),
    "tr": (
        "Gülşen;Tarık;Şebnem;Ümit",
        "Öztürk;Demirtaş;Kılıç;Aydoğan",
        "~ İnşaat A.Ş.;Anadolu|Seramik Ltd. Şti.;~ Hukuk Bürosu;Karadeniz Fındık",
        "Genel Müdür;Avukat;Satış Temsilcisi;Mimar",
        "Av.;Dr.;;",
        "Atatürk Bulvarı 102;İstiklal Cad. 17",
        "06680 Ankara;35220 İzmir",
        "+90 312 425 {};+90 232 445 {}",
    ),
}
ROLES = ("info", "office", "kontakt", "mail", "verkauf", "sekretariat", "zentrale", "post")
MOTTOES = ("seit 1924", "Qualität aus Tradition", "We build tomorrow", "Savoir-faire depuis 1962")
PLAIN = str.maketrans(
    "äöåàáâãçčéèêëěğıíìîïłñňóòôõřšśşťúùûůüýžżźćąęńæøß",
    "aoaaaaacceeeeegiiiiilnnoooorssstuuuuuyzzzcaenaos",
)


def ascii_of(text: str) -> str:
    text = text.replace("İ", "I").lower()
    for umlaut, spelt in (
        ("ä", "ae"),
        ("ö", "oe"),
        ("ü", "ue"),
        ("ß", "ss"),
        ("æ", "ae"),
        ("ø", "o"),
    ):
        text = text.replace(umlaut, spelt)
    return "".join(letter for letter in text.translate(PLAIN) if letter.isascii())


def people() -> Iterator[Truth]:
    """The people of the set, put together by chance."""
    chance = random.Random(SEED)
    codes = list(COUNTRIES)
    for number in range(HOW_MANY):
        code = codes[(number * 3 + number // 13) % len(codes)] if number % 5 else "de"
        lists = [part.split(";") for part in COUNTRIES[code]]
        given, family, firm, job, title, street, town, phone = (
            chance.choice(part) for part in lists
        )
        firm = firm.replace("~", family.rpartition(" ")[2])
        words = ascii_of(firm.replace("|", " ")).replace("&", " ").replace(".", "").split()
        style = chance.randrange(4)
        label = {
            0: "-".join(words[:2]),
            1: "".join(words[:2]),
            2: "".join(word[0] for word in words) + "-net",
        }
        domain = label.get(style, words[0])
        one, other = ascii_of(given).split("-")[0], ascii_of(family).replace(" ", "")
        locals_ = (f"{one}.{other}", f"{one[0]}.{other}", other, one, f"{one[0]}{other}")
        local = chance.choice(ROLES) if chance.random() < 0.25 else chance.choice(locals_)
        phones = [phone.format(chance.randrange(10, 99))]
        phones = [
            number if len(number) > 11 else f"{number} {chance.randrange(10, 99)}"
            for number in phones
        ]
        if chance.random() < 0.5:
            phones.append(
                f"+{chance.choice(('49', '43', '33'))} 1{chance.randrange(50, 79)} {chance.randrange(1000000, 9999999)}"
            )
        yield Truth(
            given=given,
            family=family,
            organisation=firm.replace("|", " "),
            job=job if chance.random() < 0.85 else "",
            email=f"{local}@{domain}.{'example' if chance.random() < 0.3 else code}",
            phones=phones,
            website=f"www.{domain}.{code}" if chance.random() < 0.7 else "",
            address=f"{street}, {town}",
            title=title,
            country=code,
            lines={
                "firm": firm.split("|"),
                "motto": chance.choice(MOTTOES) if chance.random() < 0.2 else "",
            },
        )


CSS = """
*{margin:0;box-sizing:border-box} body{width:900px;height:540px;overflow:hidden;
font-family:var(--face);color:var(--ink);background:var(--paper);position:relative}
.p{position:absolute} .firm{font-size:34px;line-height:1.15;color:var(--accent)}
.name{font-size:36px;line-height:1.2} .job{font-size:21px} .small{font-size:20px;line-height:1.45}
.motto{font-size:17px;font-style:italic}
"""
# Where the blocks lie: name, firm, reach, place; and further rules.
STYLES = {
    "swiss_grid": "N{left:50px;top:50px} F{left:470px;top:50px} R{left:50px;bottom:45px} A{left:470px;bottom:45px}",
    "diagonal": "N{left:60px;bottom:190px} F{right:50px;top:40px;text-align:right} R{left:60px;bottom:40px}"
    " A{right:50px;bottom:40px;text-align:right} body{background:linear-gradient(115deg,var(--paper) 55%,#cfd8dc 55%)}",
    "lower_half": "body{background:linear-gradient(var(--accent) 44%,var(--paper) 44%)} .firm{color:#fff}"
    " F{left:0;right:0;top:60px;text-align:center} N{left:50px;top:255px} R{right:50px;top:262px;text-align:right} A{left:50px;bottom:36px}",
    "right_band": "body{background:linear-gradient(90deg,var(--paper) 62%,var(--accent) 62%)} .firm{color:#fff}"
    " F{left:585px;top:60px;width:290px} N{left:40px;top:60px} R{left:40px;bottom:120px} A{left:40px;bottom:36px}",
    "frame": "body{border:14px double var(--accent)} N{left:0;right:0;top:170px;text-align:center}"
    " F{left:0;right:0;top:55px;text-align:center} R{left:50px;bottom:36px} A{right:50px;bottom:36px;text-align:right}",
    "night": "body{background:radial-gradient(#31415a,#0c111b);color:#eef} .firm{color:#ffd27a}"
    " N{left:60px;top:60px} F{left:60px;bottom:60px} R{right:60px;top:70px;text-align:right} A{right:60px;bottom:60px;text-align:right}",
    "poster": ".name{font-size:58px;font-weight:800;line-height:1.05;width:560px} .firm{font-size:24px}"
    " N{left:40px;top:40px} F{right:40px;bottom:40px;text-align:right} R{left:40px;bottom:36px} A{right:40px;top:60px;text-align:right}",
    "whisper": ".name{font-size:25px;letter-spacing:5px;text-transform:uppercase} .job{font-size:16px;letter-spacing:3px}"
    " .firm{font-size:22px;letter-spacing:6px;text-transform:uppercase} .small{font-size:16px}"
    " F{left:0;right:0;top:120px;text-align:center} N{left:0;right:0;top:240px;text-align:center}"
    " R{left:60px;bottom:36px} A{right:60px;bottom:36px;text-align:right}",
    "tall": "body{width:540px;height:900px} F{left:40px;top:50px;width:460px} N{left:40px;top:360px}"
    " R{left:40px;bottom:160px} A{left:40px;bottom:50px}",
    "sideways_mark": "F{left:20px;bottom:40px;writing-mode:vertical-rl;transform:rotate(180deg)} .firm{font-size:40px}"
    " N{left:200px;top:60px} R{left:200px;bottom:120px} A{left:200px;bottom:36px}",
    "stacked": "N{left:50px;top:130px} F{left:50px;top:45px} R{left:50px;top:260px} A{left:50px;bottom:36px}",
    "labels": "N{left:50px;top:45px} F{left:50px;top:190px} R{left:50px;bottom:36px} A{right:50px;bottom:36px;text-align:right}",
}
FAMILIES = (
    "sans-serif",
    "serif",
    "Lato",
    "Open Sans Condensed",
    "Linux Libertine O",
    "Roboto Condensed",
    "Quicksand",
    "Cabin",
)
_BLOCK = re.compile(r"\b([NFRA])\{")
ACCENTS = ("#7a1f2b", "#0b5a7a", "#2c6e49", "#5b3a8c", "#b4530a", "#222")


def page_of(truth: Truth, chance: random.Random) -> str:
    """The card as a page."""
    layout = _BLOCK.sub(lambda block: f".{block[1].lower()}{{", STYLES[truth.style])
    ways = (
        f"{truth.title} {truth.name}".strip(),
        f"{truth.title} {truth.name}".strip(),
        truth.name,
        truth.name.upper(),
        f"{truth.given} {truth.family.upper()}",
        f"{truth.family}, {truth.given}",
    )
    shown = chance.choice(ways)
    labelled = chance.random() < 0.6
    labels = chance.choice(
        (
            ("Tel.", "Mobil", "E-Mail", "Web"),
            ("T", "M", "E", "W"),
            ("☎", "✆", "✉", "⌂"),
            ("fon", "mob", "mail", "net"),
        )
    )
    reach = [*zip(labels, truth.phones, strict=False), (labels[2], truth.email)]
    reach += [(labels[3], truth.website)] if truth.website else []
    rows = "<br>".join(
        html.escape(f"{label} {value}" if labelled else value) for label, value in reach
    )
    firm = "<br>".join(map(html.escape, truth.lines["firm"]))
    motto = (
        f'<div class="motto">{html.escape(truth.lines["motto"])}</div>'
        if truth.lines["motto"]
        else ""
    )
    face, accent = chance.choice(FAMILIES), chance.choice(ACCENTS)
    paper = chance.choice(("#fff", "#faf6ec", "#f1f4f6"))
    return (
        f"<meta charset=utf-8><style>:root{{--face:{face};--ink:#1c2024;--paper:{paper};--accent:{accent}}}{CSS}{layout}</style>"
        f'<body><div class="p f"><div class=firm>{firm}</div>{motto}</div>'
        f'<div class="p n"><div class=name>{html.escape(shown)}</div><div class=job>{html.escape(truth.job)}</div></div>'
        f'<div class="p r small">{rows}</div>'
        f'<div class="p a small">{html.escape(truth.address).replace(", ", "<br>")}</div>'
    )


def photographed(card: Any, chance: random.Random) -> Any:
    """The card lying on something, seen by a telephone: lens, light, grain."""
    high, wide = card.shape[:2]
    grain = numpy.random.default_rng(chance.randrange(2**32))
    out = (int(wide * 1.35), int(high * 1.45))
    middle = numpy.array([out[0] / 2, out[1] / 2])
    turn = chance.uniform(-0.12, 0.12)
    spin = numpy.array([[numpy.cos(turn), -numpy.sin(turn)], [numpy.sin(turn), numpy.cos(turn)]])
    corners = numpy.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]) / 2
    corners = corners @ spin.T * 0.97 + middle + grain.uniform(-0.015, 0.015, (4, 2)) * wide
    source = numpy.array([[0, 0], [wide, 0], [wide, high], [0, high]], numpy.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(numpy.float32))
    base = numpy.array(
        chance.choice(((60, 90, 130), (90, 90, 92), (40, 44, 48), (150, 170, 180))), float
    )
    stripes = 10 * numpy.sin(numpy.arange(out[1]) / chance.uniform(5, 30))[:, None, None]
    table = numpy.clip(numpy.ones((out[1], out[0], 3)) * base + stripes, 0, 255).astype(numpy.uint8)
    cv2.warpPerspective(card, matrix, out, table, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    y, x = numpy.mgrid[0 : out[1], 0 : out[0]]
    light = 1 - chance.uniform(0.1, 0.4) * ((x / out[0] - 0.4) ** 2 + (y / out[1] - 0.4) ** 2)
    seen = table * light[:, :, None] + grain.normal(0, chance.uniform(2, 6), table.shape)
    return cv2.GaussianBlur(
        numpy.clip(seen, 0, 255).astype(numpy.uint8), (0, 0), chance.uniform(0.4, 1.0)
    )


def cards(limit: int | None = None) -> Iterator[tuple[Truth, bytes]]:
    """Truth and JPEG of every card, or of `limit` ones spread over the set."""
    every = list(people())
    step = max(1, len(every) // limit) if limit else 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=1.4)
        for number in range(0, len(every), step):
            chance = random.Random(f"{SEED}-{number}")
            style = list(STYLES)[number % len(STYLES)]
            truth = Truth(**{**asdict(every[number]), "style": style})
            wide, high = (540, 900) if style == "tall" else (900, 540)
            page.set_viewport_size({"width": wide, "height": high})
            page.set_content(page_of(truth, chance))
            drawn = numpy.frombuffer(page.screenshot(), numpy.uint8)
            card = cv2.imdecode(drawn, cv2.IMREAD_COLOR)
            if number % 3:
                card = photographed(card, chance)
            quality = [cv2.IMWRITE_JPEG_QUALITY, chance.randrange(70, 92)]
            yield truth, cv2.imencode(".jpg", card, quality)[1].tobytes()
        browser.close()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    for number, (truth, picture) in enumerate(cards()):
        (folder / f"{number:02}.jpg").write_bytes(picture)
        answers.append(asdict(truth) | {"name": truth.name})
    (folder / "truth.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
