"""Business cards drawn before the reader was read: the held-out set.

The people, firms, layouts and photographs of this file were written before any line of
`listmgr.cards` was read, by the same hand that changed the reader afterwards. The reader is never
tuned on it: only its totals are printed. Who looks at single failures of this set must write
another one.

Pictures are drawn from a fixed seed and never stored in the repository. Typefaces come
from Debian: fonts-lato fonts-roboto-unhinted fonts-ebgaramond fonts-cabin fonts-quicksand
fonts-dancingscript fonts-liberation fonts-open-sans fonts-crosextra-carlito
fonts-crosextra-caladea fonts-comfortaa fonts-play fonts-lobstertwo fonts-linuxlibertine.

    python bench/cards_third.py FOLDER    # NN.jpg and truth.json
"""

# ruff: noqa: E501 - rows of people and rules of layout are read best unbroken

import io
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy
import segno
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SEED = 20261201
ROOT = Path("/usr/share/fonts")
FACES = {
    "sans": (
        "truetype/lato/Lato-Regular.ttf",
        "truetype/roboto/unhinted/RobotoTTF/Roboto-Regular.ttf",
        "truetype/open-sans/OpenSans-Regular.ttf",
        "truetype/crosextra/Carlito-Regular.ttf",
        "truetype/liberation/LiberationSans-Regular.ttf",
    ),
    "bold": (
        "truetype/lato/Lato-Bold.ttf",
        "truetype/roboto/unhinted/RobotoTTF/Roboto-Bold.ttf",
        "truetype/open-sans/OpenSans-Bold.ttf",
        "truetype/liberation/LiberationSans-Bold.ttf",
    ),
    "serif": (
        "opentype/ebgaramond/EBGaramond12-Regular.otf",
        "truetype/crosextra/Caladea-Regular.ttf",
        "truetype/liberation/LiberationSerif-Regular.ttf",
    ),
    "condensed": (
        "truetype/roboto/unhinted/RobotoCondensed-Regular.ttf",
        "truetype/liberation/LiberationSansNarrow-Regular.ttf",
    ),
    "round": ("truetype/quicksand/Quicksand-Bold.ttf", "truetype/comfortaa/Comfortaa-Bold.ttf"),
    "display": ("opentype/play/Play-Bold.ttf", "opentype/cabin/Cabin-Bold.otf"),
    "script": (
        "opentype/dancingscript/DancingScript-Bold.otf",
        "opentype/lobstertwo/LobsterTwo-Italic.otf",
    ),
}
PLAIN = "truetype/dejavu/DejaVuSans.ttf"
INKS = ((20, 20, 24), (38, 44, 70), (60, 30, 30), (20, 60, 50))
COLOURS = ((150, 24, 40), (16, 84, 130), (30, 110, 80), (90, 50, 120), (200, 90, 20), (25, 30, 45))
PAPERS = ((255, 255, 255), (250, 247, 238), (240, 243, 246), (255, 253, 248))


@dataclass(frozen=True)
class Truth:
    """What is printed on a card. `name` is given and family name without titles."""

    given: str
    family: str
    organisation: str
    job: str
    email: str
    phones: list[str]
    website: str
    address: str
    organisation_lines: list[str] = field(default_factory=list)
    printed_name: str = ""
    style: str = ""
    country: str = ""

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


# country; given; family; printed name; firm (a bar breaks the line); job; local part; domain;
# telephone; mobile; street; town
ROWS = """
DE;Annegret;Wiesenthal;Annegret Wiesenthal;Wiesenthal & Krause GbR;Architektin;wiesenthal;wk-architektur;+49 421 5503 118;+49 171 555 0142;Am Wall 44;28195 Bremen
DE;Jörn;Petersen-Holz;Dipl.-Ing. Jörn Petersen-Holz;Küstenbau|Petersen GmbH & Co. KG;Technischer Leiter;j.petersen-holz;kuestenbau;04841 555 02-17;0160 5550193;Hafenstraße 9;25813 Husum
DE;Ottilie;Brandl;OTTILIE BRANDL;Zum Goldenen Hirschen;Wirtin;servus;goldener-hirsch;09431 555 071;;Marktplatz 2;92507 Nabburg
DE;Friedhelm;Quast;Quast, Friedhelm;Stadtwerke Altenau;Netzplanung;friedhelm.quast;stadtwerke-altenau;+49 5328 555-240;;Bergstr. 18;38707 Altenau
DE;Heike;Mühlbauer;Prof. Dr. med. Heike Mühlbauer;Klinikum am Rosenberg;Chefärztin Kardiologie;h.muehlbauer;klinikum-rosenberg;+49 911 5550 300;;Rosenbergweg 1-5;90408 Nürnberg
DE;Tilo;Zschocke;Tilo Zschocke;Zschocke Feinmechanik e.K.;Inhaber;info;zschocke-feinmechanik;037293 555 6;0172 555 0126;Gewerbering 3;09569 Oederan
DE;Ann-Sophie;von der Heide;Ann-Sophie von der Heide;LUMEN|Lichtplanung;Lichtdesignerin;as.vonderheide;lumen-licht;030 5550 8812;;Linienstraße 130;10115 Berlin
DE;Burkhard;Lüdenscheidt;Burkhard Lüdenscheidt;Allgemeine Versicherungsgruppe|Hannover a.G.;Generalagentur;b.luedenscheidt;avg-hannover;0511 555 0-99;0151 55501776;Georgsplatz 8;30159 Hannover
DE;Magdalena;Sturm;Magdalena "Leni" Sturm;Tanzwerk;Choreografie;leni;tanzwerk-koeln;;0157 5550 1934;Venloer Str. 310;50823 Köln
DE;Karl-Friedrich;Ebeling;RA Karl-Friedrich Ebeling;Ebeling Ostermann Partnerschaft mbB;Rechtsanwalt und Notar;kanzlei;ebeling-ostermann;0251 555 410;;Prinzipalmarkt 20;48143 Münster
AT;Roswitha;Hinteregger;Mag.ª Roswitha Hinteregger;Hinteregger Steuerberatung GmbH;Geschäftsführerin;r.hinteregger;hinteregger-tax;+43 4242 555 18;+43 664 555 0117;Italiener Straße 12;9500 Villach
AT;Leopold;Schachinger;DI Leopold Schachinger;Forstgut Almtal;Forstmeister;schachinger;forstgut-almtal;+43 7616 5550;;Schlossallee 1;4645 Grünau
AT;Vroni;Pichlmayr;Vroni Pichlmayr;Bäckerei Pichlmayr OG;Verkauf;brot;pichlmayr;+43 6245 555 30;;Pernerinsel 4;5400 Hallein
AT;Gerald;Ploner;Ing. Gerald Ploner, MSc;ALPINTECH Seilbahnen AG;Vertriebsleitung;gerald.ploner;alpintech;+43 512 555 220;+43 676 555 0288;Rossaugasse 7;6020 Innsbruck
CH;Reto;Cavigelli;Reto Cavigelli;Cavigelli Holzbau AG;Zimmermeister;reto;cavigelli-holzbau;+41 81 555 01 40;+41 79 555 02 60;Via Principala 61;7130 Ilanz
CH;Sandrine;Favre-Bulle;Sandrine Favre-Bulle;Horlogerie du Doubs Sàrl;Responsable qualité;s.favre;horlogerie-doubs;+41 32 555 11 22;;Rue du Temple 15;2400 Le Locle
CH;Urs;Aeschlimann;Dr. sc. ETH Urs Aeschlimann;Quantis Photonics;Chief Scientist;urs.aeschlimann;quantis-photonics;+41 44 555 77 10;;Technoparkstrasse 1;8005 Zürich
CH;Fiorenza;Bernasconi;Fiorenza Bernasconi;Studio legale Bernasconi e Soci;Avvocato;f.bernasconi;bernasconi-soci;+41 91 555 30 08;;Via Nassa 17;6900 Lugano
NL;Joost;van den Brink;Joost van den Brink;Van den Brink Scheepsbouw B.V.;Directeur;joost;brinkscheepsbouw;+31 515 555 201;+31 6 5550 1922;Havenkade 14;8605 Sneek
NL;Femke;Hoekstra;ir. Femke Hoekstra;Waterschap|De Lage Vliet;Hydroloog;fhoekstra;lagevliet;+31 33 555 4040;;Stationsplein 6;3818 LE Amersfoort
NL;Marijke;de Wit-Jansen;Marijke de Wit-Jansen;Bloom & Bulb;Inkoper;marijke;bloomandbulb;+31 252 555 710;;Heereweg 211;2161 BG Lisse
NL;Ruud;Terpstra;RUUD TERPSTRA;Terpstra Transport N.V.;Planner;planning;terpstratransport;+31 58 555 1600;+31 6 555 0 1881;Edisonweg 3;8912 BK Leeuwarden
BE;Griet;Vanhoutte;Griet Vanhoutte;Brouwerij Vanhoutte bv;Brouwmeester;griet.vanhoutte;brouwerijvanhoutte;+32 51 55 50 12;+32 470 55 50 98;Kerkstraat 27;8800 Roeselare
BE;Thibault;Lemaire;Thibault Lemaire;Atelier Lemaire SPRL;Ébéniste;thibault;atelier-lemaire;+32 81 55 50 67;;Rue de Fer 9;5000 Namur
PL;Wojciech;Gąsiorowski;mgr inż. Wojciech Gąsiorowski;Gąsiorowski Maszyny Sp. z o.o.;Kierownik produkcji;w.gasiorowski;gasiorowski-maszyny;+48 61 555 04 18;+48 605 550 127;ul. Przemysłowa 8;61-579 Poznań
PL;Jadwiga;Święcicka;dr hab. Jadwiga Święcicka;Instytut Badań|Rynku Rolnego;Adiunkt;jswiecicka;ibrr;+48 22 555 70 31;;ul. Wspólna 30;00-930 Warszawa
PL;Grażyna;Kowal-Zielińska;Grażyna Kowal-Zielińska;Kancelaria Zielińska S.A.;Radca prawny;biuro;kancelaria-zielinska;+48 12 555 60 02;;Rynek Główny 7;31-042 Kraków
PL;Mieszko;Dudziak;DUDZIAK Mieszko;Browar Nadwarciański;Piwowar;mieszko.dudziak;browar-nw;+48 43 555 91 17;;ul. Zamkowa 2;98-200 Sieradz
FR;Anne-Laure;Chevallier;Anne-Laure Chevallier;Biscuiterie des Abers S.A.S.;Directrice commerciale;al.chevallier;biscuiterie-abers;+33 2 98 55 50 14;+33 6 55 50 18 72;4 quai du Port;29870 Lannilis
FR;Étienne;Roussel;Me Étienne Roussel;Roussel & Associés;Avocat à la Cour;etienne.roussel;roussel-avocats;01 55 50 44 10;;18 rue de Courcelles;75008 Paris
FR;Solène;Le Gall;Solène LE GALL;Voiles & Gréements|du Ponant;Voilière;atelier;voiles-ponant;02 97 55 50 33;06 55 50 71 09;3 cale du Commerce;56100 Lorient
FR;Jean-Baptiste;Delorme;Dr Jean-Baptiste Delorme;Cabinet vétérinaire des Tilleuls;Vétérinaire;contact;vet-tilleuls;04 77 55 50 20;;12 avenue des Tilleuls;42000 Saint-Étienne
FR;Mathilde;Carpentier;Mathilde Carpentier;OXALYS;Cheffe de projet;m.carpentier;oxalys;+33 3 20 55 50 81;;77 rue Nationale;59000 Lille
IT;Ludovico;Tagliabue;Dott. Ludovico Tagliabue;Tagliabue Tessuti S.r.l.;Amministratore unico;l.tagliabue;tagliabuetessuti;+39 031 555 0172;+39 335 555 0164;Via Borgo Vico 81;22100 Como
IT;Ginevra;Pellegrini;Arch. Ginevra Pellegrini;Pellegrini Moro Architetti;Architetto;ginevra;pmarchitetti;+39 055 555 0339;;Borgo Pinti 40;50121 Firenze
IT;Salvatore;Lo Presti;Salvatore Lo Presti;Azienda Agricola|Lo Presti;Titolare;vini;lopresti-vini;+39 0923 555 018;+39 347 555 0133;Contrada Birgi 12;91025 Marsala
IT;Ilaria;De Santis;ILARIA DE SANTIS;Officine Meccaniche Adriatiche S.p.A.;Ufficio acquisti;acquisti;oma-adriatiche;+39 071 555 0820;;Via dell'Industria 5;60131 Ancona
ES;Íñigo;Etxeberria;Íñigo Etxeberria Lasa;Talleres Etxeberria S.L.;Gerente;inigo;tallereslasa;+34 943 555 017;+34 655 550 128;Polígono Belartza 22;20018 Donostia
ES;Rocío;Carmona Vidal;Rocío Carmona Vidal;Aceites Sierra Sur, S. Coop. And.;Exportación;r.carmona;aceitessierrasur;+34 957 555 064;;Ctra. de Cabra s/n;14900 Lucena
ES;Montserrat;Puigdomènech;Montserrat Puigdomènech;Editorial|La Finestra;Editora;montse;lafinestra;+34 93 555 01 77;;Carrer de Provença 214;08036 Barcelona
PT;Gonçalo;Vasconcelos;Eng.º Gonçalo Vasconcelos;Cortiças do Alentejo, Lda.;Diretor de produção;g.vasconcelos;corticas-alentejo;+351 266 555 014;;Rua da Moeda 19;7000-513 Évora
SE;Åsa;Lindqvist;Åsa Lindqvist;Lindqvist Trävaror AB;Säljchef;asa.lindqvist;lindqvist-tra;+46 26 555 01 16;+46 70 555 01 83;Norra Kungsgatan 4;803 20 Gävle
SE;Torbjörn;Ekdahl;Torbjörn Ekdahl;Kraftsam;Konsult;tobbe;kraftsam;;+46 73 555 02 77;Storgatan 31;852 30 Sundsvall
DK;Søren;Kjærsgaard;Søren Kjærsgaard;Kjærsgaard Møbler ApS;Designer;soren;kjaersgaardmobler;+45 75 55 01 62;;Vestergade 10;7100 Vejle
DK;Bodil;Østergaard;Bodil Østergaard;Havvind Rådgivning A/S;Seniorrådgiver;boe;havvind;+45 97 55 50 20;+45 20 55 50 41;Strandvejen 88;6700 Esbjerg
NO;Ingebjørg;Nordås;Ingebjørg Nordås;Fjordmat AS;Daglig leder;ingebjorg;fjordmat;+47 55 55 01 28;;Bryggen 5;5003 Bergen
FI;Päivi;Hyvönen;DI Päivi Hyvönen;Järvisuomen Puu Oy;Toimitusjohtaja;paivi.hyvonen;jarvipuu;+358 15 555 0140;+358 40 555 0129;Maaherrankatu 18;50100 Mikkeli
FI;Veikko;Rautiainen;Veikko Rautiainen;Pohjolan Konepaja Oyj;Myyntijohtaja;veikko.rautiainen;konepaja;+358 8 555 0301;;Teollisuustie 6;90830 Haukipudas
CZ;Zdeněk;Hrubý;Ing. Zdeněk Hrubý, Ph.D.;Hrubý Sklo s.r.o.;Jednatel;zdenek.hruby;hruby-sklo;+420 485 555 014;+420 602 555 018;Sklářská 14;466 01 Jablonec
CZ;Ludmila;Černohorská;Ludmila Černohorská;Nakladatelství|Modrý kůň;Redaktorka;redakce;modrykun;+420 222 555 071;;Vinohradská 90;130 00 Praha 3
CZ;Vítězslav;Kadlec;VÍTĚZSLAV KADLEC;Pivovar Kadlec a.s.;Sládek;kadlec;pivovarkadlec;+420 387 555 044;;Pražská 3;370 04 České Budějovice
TR;Çağla;Yıldırım;Çağla Yıldırım;Yıldırım Tekstil San. ve Tic. A.Ş.;Dış Ticaret Müdürü;cagla;yildirimtekstil;+90 224 555 0118;+90 532 555 0146;Organize Sanayi Bölgesi 12;16140 Bursa
TR;Oğuzhan;Şahin;Oğuzhan Şahin;Boğaziçi Yazılım Ltd. Şti.;Yazılım Mimarı;oguzhan.sahin;bogaziciyazilim;+90 212 555 0173;;Büyükdere Cad. 45;34394 İstanbul
HU;Gergely;Szabolcsi;Szabolcsi Gergely;Duna Logisztika Kft.;Értékesítési vezető;szabolcsi.gergely;dunalog;+36 1 555 0126;+36 30 555 0191;Váci út 76;1133 Budapest
HR;Dubravka;Marinković;Dubravka Marinković;Jadran Nautika d.o.o.;Voditeljica prodaje;dubravka.marinkovic;jadran-nautika;+385 21 555 018;;Obala 12;21000 Split
RO;Ștefania;Ionescu;Ștefania Ionescu;Carpatica Mobila S.R.L.;Manager export;stefania.ionescu;carpatica-mobila;+40 269 555 017;;Strada Morii 6;550001 Sibiu
GB;Rhiannon;Llewellyn;Rhiannon Llewellyn;Penwith Ceramics Ltd;Studio Manager;rhiannon;penwithceramics;+44 1736 555 018;+44 7700 900 154;12 Fore Street;St Ives TR26 1HE
GB;Alistair;MacAllister;Dr Alistair MacAllister FRSE;University of Strathallan;Reader in Hydrology;a.macallister;strathallan;+44 141 555 0171;;40 George Square;Glasgow G2 1DU
IE;Caoimhe;O'Sullivan;Caoimhe O'Sullivan;Saltmarsh & Daughters;Partner;caoimhe;saltmarshdaughters;+353 21 555 0184;;5 Grand Parade;Cork T12 WY33
DE;Mehmet Ali;Karadağ;Mehmet Ali Karadağ;Karadağ Haustechnik UG (haftungsbeschränkt);Meisterbetrieb;service;karadag-haustechnik;0621 555 0 41;0176 5550 1877;Mittelstraße 50;68169 Mannheim
DE;Dörthe;Immenkamp;Dörthe Immenkamp M.A.;Museum für Stadtgeschichte;Kuratorin;immenkamp;stadtmuseum-lemgo;05261 555 12;;Breite Straße 19;32657 Lemgo
DE;Xaver;Obermoser;Xaver Obermoser;AGRARHANDEL|OBERMOSER KG;Prokurist;x.obermoser;obermoser-agrar;08621 555 40;;Traunring 11;83301 Traunreut
NL;Sjoukje;Bouma;Sjoukje Bouma;Studio Zeewind;Grafisch ontwerper;hallo;studiozeewind;;+31 6 5550 1744;Dorpsstraat 5;9166 Schiermonnikoog
FR;Capucine;d'Aubigny;Capucine d'Aubigny;Maison d'Aubigny;Parfumeuse;bonjour;maison-daubigny;+33 4 93 55 50 61;;2 place aux Aires;06130 Grasse
"""
ICONS = {"phone": "☎ ", "mobile": "✆ ", "email": "✉ ", "web": "⌂ "}
WORDS = {
    "DE": ("Tel.", "Mobil"),
    "AT": ("Tel", "Mobil"),
    "CH": ("T", "M"),
    "NL": ("T:", "M:"),
    "FR": ("Tél. :", "Port. :"),
    "IT": ("Tel.", "Cell."),
    "PL": ("tel.", "kom."),
    "ES": ("Tel.", "Móvil"),
}
SECOND_LANGUAGE = {
    "Technischer Leiter": "Technical Director",
    "Netzplanung": "Grid Planning",
    "Geschäftsführerin": "Managing Director",
    "Directeur": "Managing Director",
    "Kierownik produkcji": "Production Manager",
    "Myyntijohtaja": "Sales Director",
    "Dış Ticaret Müdürü": "Foreign Trade Manager",
    "Jednatel": "Managing Director",
    "Értékesítési vezető": "Sales Manager",
}


def people() -> Iterator[Truth]:
    """The people of the set, in their order."""
    for row in ROWS.strip().splitlines():
        country, given, family, printed, firm, job, local, domain, phone, mobile, street, town = (
            row.split(";")
        )
        if printed.startswith("Íñigo"):
            family = "Etxeberria Lasa"
        yield Truth(
            given=given,
            family=family,
            printed_name=printed,
            organisation=firm.replace("|", " "),
            organisation_lines=firm.split("|"),
            job=job,
            email=f"{local}@{domain}.example",
            phones=[number for number in (phone, mobile) if number],
            website=f"www.{domain}.example",
            address=f"{street}, {town}",
            country=country,
        )


class Pen:
    """A card under the pen: its picture, inks and typefaces."""

    def __init__(
        self, chance: random.Random, size: tuple[int, int], paper: tuple, ink: tuple
    ) -> None:
        self.chance, self.ink, self.accent = chance, ink, chance.choice(COLOURS)
        self.picture = Image.new("RGB", size, paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.width, self.height = size

    def face(self, kind: str, size: int, text: str) -> ImageFont.FreeTypeFont:
        faces = list(FACES[kind])
        self.chance.shuffle(faces)
        for face in (*faces, PLAIN):
            font = ImageFont.truetype(str(ROOT / face), size)
            absent = bytes(font.getmask("\U0010fffe"))
            if all(letter == " " or bytes(font.getmask(letter)) != absent for letter in text):
                return font
        return font

    def text(
        self, at: tuple[int, int], text: str, kind: str = "sans", size: int = 30, **how
    ) -> int:
        """Write a line, shrunk to fit; its height with leading is answered."""
        fill, anchor, spacing = (
            how.get("fill", self.ink),
            how.get("anchor", "la"),
            how.get("spacing", 0),
        )
        room = how.get("room", self.width - 60)
        font = self.face(kind, size, text)
        while font.getlength(text) + spacing * len(text) > room and font.size > 15:
            font = font.font_variant(size=font.size - 1)
        if not spacing:
            self.draw.text(at, text, font=font, fill=fill, anchor=anchor)
            return int(font.size * 1.4)
        whole = font.getlength(text) + spacing * (len(text) - 1)
        x = at[0] - {"l": 0, "m": whole / 2, "r": whole}[anchor[0]]
        for letter in text:
            self.draw.text((x, at[1]), letter, font=font, fill=fill)
            x += font.getlength(letter) + spacing
        return int(font.size * 1.4)


def contact(truth: Truth, icons: bool, chance: random.Random) -> list[str]:
    """The lines of reach: telephone, mobile, e-mail, web."""
    words = WORDS.get(truth.country, ("Tel.", "Mob."))
    lines = []
    for at, number in enumerate(truth.phones):
        mark = (ICONS["phone"], ICONS["mobile"])[at] if icons else f"{words[at]} "
        lines.append(mark + number)
    label = ICONS["email"] if icons else chance.choice(("", "E-Mail: ", "e ", ""))
    lines.extend((label + truth.email, (ICONS["web"] if icons else "") + truth.website))
    return lines


def street_lines(truth: Truth) -> list[str]:
    return truth.address.split(", ")


def classic(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    y = 60
    for line in truth.organisation_lines:
        y += pen.text((70, y), line, "bold", 44, fill=pen.accent)
    y = max(y + 60, 230)
    y += pen.text((70, y), truth.printed_name, "sans", 40)
    pen.text((70, y), truth.job, "sans", 26)
    y = 580 - 34 * 3
    for line in contact(truth, False, chance)[:3]:
        pen.text((70, y - 20), line, "sans", 24)
        y += 32
    for at, line in enumerate(street_lines(truth)):
        pen.text((980, 460 + 32 * at), line, "sans", 24, anchor="ra", room=360)
    return pen.picture


def centred(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    y = 70
    y += pen.text((525, y), truth.printed_name, "serif", 52, anchor="ma")
    y += pen.text((525, y), truth.job, "serif", 28, anchor="ma") + 20
    pen.draw.line((425, y, 625, y), fill=pen.accent, width=3)
    y += 30
    for line in truth.organisation_lines:
        y += pen.text((525, y), line, "serif", 36, anchor="ma")
    y = max(y + 20, 400)
    pen.text((525, y), " · ".join(street_lines(truth)), "serif", 24, anchor="ma")
    pen.text((525, y + 38), " | ".join(truth.phones), "serif", 24, anchor="ma")
    pen.text((525, y + 76), truth.email, "serif", 24, anchor="ma")
    pen.text((525, y + 114), truth.website, "serif", 24, anchor="ma")
    return pen.picture


def side_band(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), (255, 255, 255), chance.choice(INKS))
    pen.draw.rectangle((0, 0, 360, 600), fill=pen.accent)
    y = 220
    for line in truth.organisation_lines:
        for part in broken(line, 15):
            y += pen.text((30, y), part, "round", 36, fill=(255, 255, 255), room=310)
    y = 80
    y += pen.text((400, y), truth.printed_name, "bold", 42, room=610)
    y += pen.text((400, y), truth.job, "sans", 26, fill=pen.accent, room=610) + 60
    for line in (*contact(truth, chance.random() < 0.5, chance), *street_lines(truth)):
        y += pen.text((400, y), line, "sans", 26, room=610)
    return pen.picture


def broken(text: str, width: int) -> list[str]:
    """The text broken at spaces to lines of about that many characters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def dark(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(
        chance,
        (1050, 600),
        chance.choice(((22, 22, 26), (14, 32, 52), (40, 16, 30))),
        (235, 232, 224),
    )
    gold = chance.choice(((212, 175, 90), (235, 235, 235), (120, 200, 190)))
    y = 80
    for line in truth.organisation_lines:
        y += pen.text((980, y), line, "display", 40, fill=gold, anchor="ra")
    y = 300
    y += pen.text((70, y), truth.printed_name, "condensed", 46)
    y += pen.text((70, y), truth.job, "condensed", 28, fill=gold) + 10
    lines = contact(truth, False, chance)
    pen.text((70, y), "   ".join(lines[:-2]), "condensed", 25)
    pen.text((70, y + 38), "   ".join(lines[-2:]), "condensed", 25)
    pen.text((70, y + 76), truth.address, "condensed", 25)
    return pen.picture


def portrait(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (620, 1050), chance.choice(PAPERS), chance.choice(INKS))
    pen.draw.rectangle((0, 0, 620, 26), fill=pen.accent)
    y = 90
    for line in truth.organisation_lines:
        for part in broken(line, 22):
            y += pen.text((50, y), part, "bold", 40, fill=pen.accent)
    y = 380
    y += pen.text((50, y), truth.printed_name, "sans", 42)
    y += pen.text((50, y), truth.job, "sans", 28) + 180
    for line in (*street_lines(truth), *contact(truth, chance.random() < 0.5, chance)):
        y += pen.text((50, y), line, "sans", 27)
    return pen.picture


def columns(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1100, 580), chance.choice(PAPERS), chance.choice(INKS))
    y = 90
    y += pen.text((60, y), truth.printed_name, "bold", 36, room=490)
    for line in broken(truth.job, 30):
        y += pen.text((60, y), line, "sans", 25, room=490)
    y = 350
    for line in contact(truth, True, chance):
        y += pen.text((60, y), line, "sans", 24, room=490)
    y = 90
    for line in truth.organisation_lines:
        for part in broken(line, 24):
            y += pen.text((600, y), part, "serif", 38, room=460)
    y = 350
    for line in street_lines(truth):
        y += pen.text((600, y), line, "sans", 24, room=460)
    return pen.picture


def spaced_capitals(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    y = 130
    y += pen.text((525, y), truth.printed_name.upper(), "sans", 36, anchor="ma", spacing=7) + 8
    y += pen.text((525, y), truth.job.upper(), "sans", 20, anchor="ma", spacing=4) + 60
    for line in truth.organisation_lines:
        y += pen.text((525, y), line.upper(), "serif", 30, anchor="ma", spacing=5)
    y = 460
    pen.text((525, y), "  ".join(truth.phones), "sans", 23, anchor="ma")
    pen.text((525, y + 34), f"{truth.email}  {truth.website}", "sans", 23, anchor="ma")
    pen.text((525, y + 68), truth.address, "sans", 23, anchor="ma")
    return pen.picture


def script_name(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    pen.text((90, 90), truth.printed_name, "script", 66, fill=pen.accent)
    pen.text((90, 190), truth.job, "serif", 28)
    y = 300
    for line in truth.organisation_lines:
        y += pen.text((90, y), line, "serif", 32)
    for line in (truth.address, *contact(truth, False, chance)):
        y += pen.text((90, y), line, "serif", 24)
    return pen.picture


def code_beside(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), (255, 255, 255), chance.choice(INKS))
    phone = truth.phones[-1].replace(" ", "")
    if chance.random() < 0.5:
        code = f"MECARD:N:{truth.family},{truth.given};TEL:{phone};EMAIL:{truth.email};;"
    else:
        code = (
            "BEGIN:VCARD\r\nVERSION:3.0\r\n"
            f"N:{truth.family};{truth.given};;;\r\nFN:{truth.name}\r\nORG:{truth.organisation}\r\n"
            f"EMAIL:{truth.email}\r\nTEL:{phone}\r\nEND:VCARD\r\n"
        )
    drawn = io.BytesIO()
    segno.make_qr(code, error="m").save(drawn, kind="png", scale=5, border=3)
    with Image.open(drawn) as opened:
        square = opened.convert("RGB").resize((300, 300), Image.Resampling.NEAREST)
    pen.picture.paste(square, (720, 270))
    y = 60
    y += pen.text((60, y), truth.printed_name, "bold", 42)
    y += pen.text((60, y), truth.job, "sans", 26, fill=pen.accent) + 30
    for line in truth.organisation_lines:
        y += pen.text((60, y), line, "sans", 32, room=640)
    y += 40
    for line in (*street_lines(truth), *contact(truth, False, chance)):
        y += pen.text((60, y), line, "sans", 25, room=640)
    return pen.picture


def vertical_firm(truth: Truth, chance: random.Random) -> Image.Image:
    """The mark stands upright at the side, the firm once more in the imprint's print."""
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    strip = Image.new("RGB", (600, 110), pen.accent)
    other = ImageDraw.Draw(strip)
    mark = truth.organisation_lines[0]
    font = pen.face("display", 48, mark)
    while font.getlength(mark) > 540:
        font = font.font_variant(size=font.size - 1)
    other.text((300, 55), mark, font=font, fill=(255, 255, 255), anchor="mm")
    pen.picture.paste(strip.rotate(90, expand=True), (0, 0))
    y = 90
    y += pen.text((170, y), truth.printed_name, "sans", 44)
    y += pen.text((170, y), truth.job, "sans", 26) + 100
    for line in (truth.organisation, *street_lines(truth), *contact(truth, False, chance)):
        y += pen.text((170, y), line, "sans", 25, room=840)
    return pen.picture


def tiny_footer(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1400, 800), chance.choice(PAPERS), chance.choice(INKS))
    y = 90
    for line in truth.organisation_lines:
        y += pen.text((1310, y), line, "display", 60, anchor="ra", fill=pen.accent, room=1100)
    y = 330
    y += pen.text((90, y), truth.printed_name, "serif", 56)
    pen.text((90, y), truth.job, "serif", 32)
    pen.draw.line((90, 640, 1310, 640), fill=pen.accent, width=2)
    pen.text((90, 660), "  |  ".join((truth.address, *truth.phones)), "sans", 23, room=1220)
    pen.text((90, 700), "  |  ".join((truth.email, truth.website)), "sans", 23, room=1220)
    return pen.picture


def bilingual(truth: Truth, chance: random.Random) -> Image.Image:
    pen = Pen(chance, (1050, 600), chance.choice(PAPERS), chance.choice(INKS))
    pen.draw.rectangle((0, 470, 1050, 600), fill=pen.accent)
    y = 70
    y += pen.text((980, y), truth.printed_name, "bold", 42, anchor="ra")
    jobs = [truth.job, SECOND_LANGUAGE.get(truth.job, "")]
    y += pen.text((980, y), " / ".join(job for job in jobs if job), "sans", 26, anchor="ra") + 50
    for line in truth.organisation_lines:
        y += pen.text((980, y), line, "round", 36, anchor="ra", fill=pen.accent)
    white = (255, 255, 255)
    pen.text((525, 486), truth.address, "sans", 24, anchor="ma", fill=white)
    pen.text((525, 520), "  ".join(truth.phones), "sans", 24, anchor="ma", fill=white)
    pen.text((525, 554), f"{truth.email}   {truth.website}", "sans", 24, anchor="ma", fill=white)
    return pen.picture


LAYOUTS: tuple[Callable[[Truth, random.Random], Image.Image], ...] = (
    classic,
    dark,
    centred,
    side_band,
    portrait,
    columns,
    bilingual,
    spaced_capitals,
    script_name,
    code_beside,
    vertical_firm,
    tiny_footer,
)


def photographed(card: Image.Image, chance: random.Random) -> Image.Image:
    """The card on a table: perspective, shadow, blur, noise and a camera's colours."""
    wide, high = card.size
    table = Image.new(
        "RGB",
        (int(wide * 1.3), int(high * 1.4)),
        chance.choice(((120, 90, 64), (70, 74, 80), (168, 160, 150))),
    )
    left, top = int(wide * 0.15), int(high * 0.2)
    tilt = [
        (chance.uniform(-0.03, 0.03) * wide, chance.uniform(-0.03, 0.03) * high) for _ in range(4)
    ]
    frame = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
    corners = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(frame, tilt, strict=True)]
    source = [(0, 0), (wide, 0), (wide, high), (0, high)]
    rows, answers = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        answers += [u, v]
    warp = tuple(numpy.linalg.solve(numpy.array(rows, float), numpy.array(answers, float)))
    lying = card.transform(table.size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BICUBIC)
    whole = Image.new("L", card.size, 255)
    mask = whole.transform(table.size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BICUBIC)
    cast = (
        ImageChops.offset(mask, 10, 12)
        .filter(ImageFilter.GaussianBlur(10))
        .point(lambda value: value // 2)
    )
    table.paste((0, 0, 0), mask=cast)
    table.paste(lying, mask=mask)
    grid = numpy.asarray(table).astype(float)
    across = numpy.linspace(0, 1, grid.shape[1])[None, :, None]
    grid *= 1 - chance.uniform(0.05, 0.3) * (across if chance.random() < 0.5 else 1 - across)
    noise = numpy.random.default_rng(chance.randrange(2**32)).normal(
        0, chance.uniform(2, 7), grid.shape
    )
    taken = Image.fromarray(numpy.clip(grid + noise, 0, 255).astype("uint8"))
    return taken.filter(ImageFilter.GaussianBlur(chance.uniform(0.2, 0.9)))


def cards(limit: int | None = None) -> Iterator[tuple[Truth, bytes]]:
    """Truth and JPEG of every card, or of `limit` ones spread over the set."""
    every = list(people())
    step = max(1, len(every) // limit) if limit else 1
    for at in range(0, len(every), step):
        truth = every[at]
        chance = random.Random(f"{SEED}-{at}")
        layout = LAYOUTS[(at * 5 + at // 12) % len(LAYOUTS)]
        picture = layout(truth, chance)
        if at % 4 != 3:
            picture = photographed(picture, chance)
        drawn = io.BytesIO()
        picture.save(drawn, "JPEG", quality=chance.randrange(72, 93))
        yield Truth(**{**asdict(truth), "style": layout.__name__}), drawn.getvalue()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    answers = []
    for at, (truth, picture) in enumerate(cards()):
        (folder / f"{at:02}.jpg").write_bytes(picture)
        answers.append(asdict(truth) | {"name": truth.name, "picture": f"{at:02}.jpg"})
    (folder / "truth.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
