"""Business cards and signatures put together from tables of sixteen countries, drawn with Pillow.

Unlike the other sets, layouts here seldom help: a name may be as large as everything else, the firm
may be a mark without a legal form, and the address may name a role, a given name, initials or a
free mailbox. Each card may be looked at. `signatures` gives people as text, without any layout.

    python bench/cards_fourth.py FOLDER    # pictures
"""

# ruff: noqa: E501 - rows of the tables are read best unbroken

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy
from cards_sets import Truth
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SEED = "fourth"
HOW_MANY = 80
HOW_MANY_SIGNATURES = 64

# Names as they are printed (titles in brackets), firms (with the label of their domain), jobs,
# streets, towns, a telephone, its labels, words for small print.
TABLES = {
    "de": (
        "[Dipl.-Ing. (FH)] Hans-Jörg Wittkowski;Swantje Petersen;[Dr. jur.] Konstantin von der Heydt;Kübra Aydın;[Prof. Dr.] Gesa Lohmann-Riedel;Uwe Schmalfuß;[StB] Ferdinand Krahwinkel;Marlies Obst",
        "Krahwinkel & Obst Steuerberater PartG mbB=krahwinkel-obst;Schmalfuß Dachdeckermeister=dach-schmalfuss;Nordsee-Zentrum für Meeresbiologie=nzm-kuestenforschung;Tischlerei Riedel=tischlerei-riedel;Augenklinik am Domshof=augenklinik-domshof;HEYDT IMMOBILIEN=heydt-immobilien;Stadtwerke Wolfenstein AöR=sw-wolfenstein;Lohmann Feinkost e.K.=lohmann-feinkost",
        "Steuerberaterin;Dachdeckermeister;Wissenschaftlicher Direktor;Leitung Einkauf;Augenoptikermeisterin;Makler;Vorstand Netze;Inhaberin",
        "Lange Reihe 17;Am Wall 143;Schützenstr. 8b;Große Bleichen 5",
        "20099 Hamburg;28195 Bremen;38300 Wolfenstein;99084 Erfurt",
        "+49 40 55 50 1#",
        "Tel;Mobil",
        "Termine nach Vereinbarung;Beratung · Planung · Ausführung;Seit 1911 in dritter Generation",
    ),
    "at": (
        "[Mag.a] Roswitha Haslinger;[DI] Gernot Pichlmayr;Alois Stadlober;[MMag. Dr.] Leopoldine Freytag;Zlatko Jurić",
        "Stadlober Installationen GesmbH=stadlober;Rechtsanwaltskanzlei Freytag & Haslinger=fh-recht;Pichlmayr ZT-GmbH=zt-pichlmayr;Gasthof zum Goldenen Hirschen=goldener-hirsch;Tourismusverband Ausseerland=ausseerland-tvb",
        "Rechtsanwältin;Ziviltechniker für Bauwesen;Geschäftsführer;Wirt;Obfrau",
        "Mariahilfer Straße 88a/1/14;Hauptplatz 3;Am Kogl 12",
        "8990 Bad Aussee;1070 Wien;A-4020 Linz",
        "+43 3622 555 1#",
        "Tel.;Mob.",
        "Mitglied der Kammer;Ruhetag: Dienstag;UID ATU12345678",
    ),
    "ch": (
        "Beat Ruckstuhl;[Dr. iur.] Seraina Caduff;Jean-Luc Berthoud;Nives Cattaneo;Urs-Peter Hässig",
        "Ruckstuhl Holzbau AG=ruckstuhl-holz;Caduff Advokatur=caduff-law;Fiduciaire Berthoud & Cie SA=fidberthoud;Zahnarztpraxis Seefeld=seefeld-dental;Kantonsspital Obertal=ks-obertal",
        "Eidg. dipl. Zimmermeister;Rechtsanwältin und Notarin;Expert-comptable diplômé;Dentalhygienikerin HF;Leiter Technischer Dienst",
        "Seefeldstrasse 201;Rue du Rhône 44;Via Nassa 9",
        "8008 Zürich;1204 Genève;6900 Lugano",
        "+41 44 555 1# 20",
        "T;M",
        "Mitglied FSP;Sprechstunde nach Vereinbarung;CHE-101.202.303",
    ),
    "uk": (
        "Gwendolyn Ashcombe;Col. Rupert Fairweather;Tariq Mahmood;Siobhan McAllister-Reid;J. T. Hollingworth",
        "Fairweather & Daughters Saddlery=fairweathersaddlery;Ashcombe Lettings=ashcombelettings;Mahmood Reid Solicitors=mahmoodreid;The Old Forge Gallery=oldforgegallery;Brackenridge Plumbing Services=brackenridge-plumbing",
        "Lettings Negotiator;Master Saddler;Solicitor;Curator;Gas Safe Engineer",
        "The Old Forge, Mill Lane;7 Cattle Market Street;22b High Street",
        "Ludlow SY8 1AA;Norwich NR1 3DY;Leeds LS1 4AP",
        "01584 555 1#",
        "Tel;Mob",
        "Established 1974;No job too small;By appointment only",
    ),
    "us": (
        "DeShawn Whitfield;[Dr.] Priya Raghunathan;Mary Beth Kowalski;Hector Villanueva, PE;Caitlin O'Rourke",
        "Villanueva Structural Group=villanuevasg;Whitfield Roofing & Siding=whitfieldroofing;Sunny Meadow Pediatrics=sunnymeadowpeds;O'Rourke Law Offices, P.C.=orourkelaw;Prairie State Bank & Trust=prairiestate",
        "Principal Engineer;Sales Rep;Pediatrician;Attorney at Law;Loan Officer, NMLS #445566",
        "1420 N Maple Ave;P.O. Box 771;300 Main St, Ste 4",
        "Peoria, IL 61602;Omaha, NE 68102;Boise, ID 83702",
        "(309) 555-01#",
        "Office;Cell",
        "Free estimates;Member FDIC;Se habla español",
    ),
    "ie": (
        "Caoimhe Ní Dhomhnaill;Donncha Mac Giolla Phádraig;Fintan Prendergast;Orlaith Breathnach",
        "Prendergast Auctioneers=prendergast-auctioneers;Gaelscoil na Trá=gaelscoilnatra;Breathnach Veterinary Clinic=bvet;Atlantic Seaweed Company DAC=atlanticseaweed",
        "Príomhoide;Veterinary Surgeon;Auctioneer & Valuer;Operations Manager",
        "Main Street;Bóthar na Trá;Unit 4, Liosbán",
        "Clifden H71 X2Y4;Galway H91 AB12",
        "091 555 1#",
        "Tel;Mob",
        "Fáilte roimh chách;PSRA Licence 001234",
    ),
    "fr": (
        "Ghislaine Le Bihan;[Me] Tancrède d'Aubigny;Yacine Belkacem;[Dr] Hélène Pasquier-Rouvière;Jean-François DUMOULIN",
        "Cabinet dentaire Pasquier=cabinet-pasquier;SCP d'Aubigny Rouvière, Notaires=aubigny-notaires;Menuiserie Dumoulin & Fils=menuiserie-dumoulin;Belkacem Plomberie=belkacem-plomberie;La Ferme des Trois Chênes=troischenes",
        "Chirurgien-dentiste;Notaire associé;Artisan menuisier;Plombier-chauffagiste;Productrice fermière",
        "14 bis, rue des Lilas;Lieu-dit Kermoal;3, place de la République",
        "29200 Brest;44000 Nantes;24100 Bergerac",
        "02 98 55 01 #",
        "Tél.;Port.",
        "Devis gratuit;Sur rendez-vous;SIRET 123 456 789 00012",
    ),
    "be": (
        "Wouter Vandenberghe;Marie-Astrid de Ghellinck;Koen Dhondt;Thérèse Lejeune",
        "Dhondt Schrijnwerken BV=dhondt-schrijnwerken;Notaris Vandenberghe=notaris-vandenberghe;Pharmacie Lejeune SPRL=pharmacielejeune;Kunsthuis De Ghellinck=kunsthuisdeghellinck",
        "Zaakvoerder;Notaris;Pharmacienne titulaire;Galeriehoudster",
        "Kortrijksesteenweg 1012;Avenue Louise 143",
        "9051 Gent;1050 Bruxelles",
        "+32 9 555 1# 10",
        "Tel.;GSM",
        "BTW BE 0444.555.666;Op afspraak",
    ),
    "nl": (
        "Femke van den Heuvel;[ir.] Hidde Wiersma;Mohammed el Amrani;[mr. dr.] Liesbeth Coenraads-de Wit;Teun Kuipers",
        "Kuipers Loodgieters=kuipersloodgieters;Huisartsenpraktijk De Linde=hapdelinde;Ingenieursbureau Wiersma BV=wiersma-ib;Heuvel & Coenraads Notarissen=heuvelcoenraads;Bloemenatelier Roos=bloemenatelierroos",
        "Loodgieter;Huisarts;Constructeur;Notaris;Bloembinder",
        "Lindelaan 14;Nieuwe Gracht 77-bis",
        "3512 LH Utrecht;8911 KM Leeuwarden",
        "+31 30 555 1# 0",
        "T;M",
        "KvK 30123456;Alleen op afspraak;Vrijblijvende offerte",
    ),
    "it": (
        "[Geom.] Piergiorgio Zanardi;[Avv.] Ludovica Di Stefano;Calogero La Rosa;[Dott.] Ermenegildo Frattini;[Arch.] Nicoletta de' Medici",
        "Zanardi Costruzioni s.r.l.=zanardicostruzioni;Farmacia Frattini=farmaciafrattini;Pasticceria La Rosa=pasticcerialarosa;Studio Associato Di Stefano=distefano-avvocati;Frantoio del Colle Soc. Agr.=frantoiodelcolle",
        "Titolare;Avvocato del Foro di Modena;Maestro pasticcere;Farmacista;Architetto",
        "Via Emilia Est 310;Piazza del Duomo, 4",
        "41124 Modena (MO);90134 Palermo PA",
        "059 555 1#",
        "Tel.;Cell.",
        "Si riceve su appuntamento;C.F. e P. IVA 01234567890",
    ),
    "es": (
        "Begoña Urrutia Zabala;[D.] Ramiro Cifuentes;Xavier Ferrer i Bosch;Mª Ángeles Quesada;Iván Carballo Souto",
        "Carpintería Cifuentes e Hijos S.L.L.=carpinteriacifuentes;Farmacia Lda. Mª Ángeles Quesada=farmaciaquesada;Urrutia Abogados=urrutiaabogados;Gestoria Ferrer=gestoriaferrer;Conservas Carballo, S.A.U.=conservascarballo",
        "Abogada;Maestro carpintero;Gestor administratiu;Farmacéutica;Director de exportación",
        "C/ Mayor, 12, 3º izda.;Avda. Diagonal 433",
        "48001 Bilbao;08036 Barcelona;36201 Vigo",
        "+34 94 555 1# 0",
        "Tel.;Móv.",
        "Presupuesto sin compromiso;NIF B12345678",
    ),
    "pt": (
        "[Dra.] Filipa Nogueira de Sousa;Aníbal Pacheco;[Arq.] Tiago Sampaio;Zulmira Queirós",
        "Pacheco & Queirós, Lda=pachecoqueiros;Clínica Dentária da Foz=clinicadafoz;Sampaio Arquitectos=sampaio-arq;Adega Cooperativa de Monção=adegamoncao",
        "Médica Dentista;Gerente;Arquitecto;Enóloga",
        "Rua de Cedofeita 221;Av. da Boavista, 1588",
        "4050-180 Porto;4950-000 Monção",
        "+351 22 555 1# 0",
        "Tel.;Tlm.",
        "Aberto todos os dias;NIPC 500123456",
    ),
    "pl": (
        "[dr n. med.] Jadwiga Szczepańska;[mec.] Krzysztof Żurawski;Bożena Łuczak-Mróz;Grzegorz Pietrzyk;[inż.] Wiesława Chmiel",
        "Zakład Stolarski Pietrzyk=stolarz-pietrzyk;Kancelaria Radcy Prawnego Żurawski=zurawski-radca;Gabinet Kardiologiczny=kardio-lublin;Chmiel Instalacje sp.j.=chmielinstalacje;Hurtownia Łuczak Sp. z o.o. Sp. k.=hurtownialuczak",
        "Lekarz kardiolog;Radca prawny;Właścicielka;Stolarz;Projektant instalacji",
        "ul. Narutowicza 41/2;al. Racławickie 8",
        "20-016 Lublin;60-101 Poznań",
        "+48 81 555 1# 0",
        "tel.;kom.",
        "NIP 712-00-11-222;Meble na wymiar;Czynne 8–16",
    ),
    "cz": (
        "[Mgr.] Vlastimil Kučera;[MUDr.] Jiřina Nováčková;Radovan Šťastný;[JUDr.] Alžběta Procházková, Ph.D.;[Bc.] Ctibor Vlk",
        "Truhlářství Vlk=truhlarstvi-vlk;Advokátní kancelář Procházková=ak-prochazkova;Pekařství Šťastný s. r. o.=pekarstvistastny;Dětská ordinace=pediatr-telc;Kučera Elektro, spol. s r.o.=kucera-elektro",
        "advokátka;dětská lékařka;truhlář;pekař;jednatel",
        "Masarykova 15;nám. Zachariáše 8",
        "588 56 Telč;602 00 Brno",
        "+420 567 555 1#",
        "tel.;mob.",
        "IČ 12345678;Otevřeno denně",
    ),
    "nordic": (
        "Åsa-Karin Lindahl;Øystein Brekke;Mette Krogh Nørgaard;Tuulikki Väisänen;Sigurður Þorsteinsson;Göran af Ekenstam;Anne-Grethe Holm",
        "Brekke Rør & Varme AS=brekkeror;Lindahls Bageri HB=lindahlsbageri;Tandlægerne Nørgaard I/S=tandlaegernoergaard;Asianajotoimisto Väisänen Ky=vaisanen-law;Ekenstam Fastigheter=ekenstam;Sjómannaskólinn ses.=sjomannaskolinn;Holm Kommunikasjon=holmkom",
        "Rörmokare;Baker;Tandlæge;Asianajaja;Fastighetsförvaltare;Skólastjóri;Rådgiver",
        "Storgata 14;Västra Hamngatan 3;Nørregade 22;Mannerheimintie 5 A 12",
        "5003 Bergen;411 17 Göteborg;8000 Aarhus C;00100 Helsinki",
        "+47 55 55 01 #",
        "Tlf;Mob",
        "Org.nr 912 345 678;Öppet dygnet runt;CVR 12345678",
    ),
    "mixed": (
        "Ngozi Okonkwo-Schreiber;Hiroshi Tanabe;Olga Tschernikowa;Ali Rıza Demirtaş;Mihai-Cătălin Ionescu",
        "Demirtaş Gemüsegroßhandel=demirtas-frische;Tanabe Precision Europe B.V.=tanabe-precision;Okonkwo Schreiber Architekten=os-architekten;Ionescu & Asociații SPARL=ionescu-asociatii;Übersetzungsbüro Tschernikowa=uebersetzung-t",
        "Architektin BDA;General Manager Europe;Dipl.-Übersetzerin;Kaufmann;Avocat",
        "Sonnenallee 77;Calea Victoriei 101",
        "12045 Berlin;010071 București",
        "+49 30 5550 1#0",
        "Tel;Mobil",
        "Wir sprechen Ihre Sprache;Einzel- und Großhandel",
    ),
}
ROLES = {
    "de": "info praxis kanzlei mail",
    "at": "office kanzlei info",
    "ch": "info sekretariat",
    "uk": "enquiries office hello",
    "us": "info contact",
    "ie": "eolas info",
    "fr": "contact cabinet accueil",
    "be": "info onthaal",
    "nl": "info balie",
    "it": "info segreteria studio",
    "es": "info hola despacho",
    "pt": "geral info",
    "pl": "biuro kancelaria",
    "cz": "info ordinace",
    "nordic": "post info",
    "mixed": "info kontakt",
}
FREE = {
    "de": "t-online.de",
    "at": "gmx.at",
    "ch": "bluewin.ch",
    "fr": "orange.fr",
    "it": "libero.it",
    "pl": "wp.pl",
    "cz": "seznam.cz",
}
GREETINGS = (
    "Mit freundlichen Grüßen",
    "Best regards,",
    "Cordialement",
    "--",
    "Viele Grüße",
    "Kind regards",
    "",
)


def ascii_of(text: str) -> str:
    """Small letters as addresses have them."""
    spelt = text.lower().translate(
        str.maketrans(
            {
                "ä": "ae",
                "ö": "oe",
                "ü": "ue",
                "ß": "ss",
                "ø": "o",
                "ł": "l",
                "æ": "ae",
                "þ": "th",
                "ð": "d",
                "ı": "i",
            }
        )
    )
    plain = unicodedata.normalize("NFD", spelt)
    return re.sub(
        r"[^a-z -]", "", "".join(char for char in plain if not unicodedata.combining(char))
    )


class Person:
    """Somebody of a table with a firm, which is theirs or another one of their country."""

    def __init__(self, number: int, chance: random.Random) -> None:
        country = list(TABLES)[number % len(TABLES)]
        names, firms, jobs, streets, towns, phone, labels, prints = (
            part if at == 5 else part.split(";") for at, part in enumerate(TABLES[country])
        )
        at = number // len(TABLES)
        written = names[at % len(names)]
        self.title = "".join(re.findall(r"\[(.+?)\] ", written))
        shown = re.sub(r"\[.+?\] ", "", written)
        self.name, _, self.suffix = shown.partition(", ")
        self.name = self.name.removeprefix("Col. ")
        self.title = self.title or ("Col." if "Col." in shown else "")
        self.firm, _, label = chance.choice(firms).partition("=")
        self.job = chance.choice(jobs)
        self.street, self.town = chance.choice(streets), chance.choice(towns)
        self.phones = [
            phone.replace("#", str(chance.randrange(10, 99)))
            for _ in range(chance.choice((1, 1, 2)))
        ]
        self.labels, self.small = labels, chance.choice(prints)
        self.email = self._address(country, f"{label}.example", chance)
        self.website = f"www.{label}.example" if chance.random() < 0.4 else ""
        if self.email.partition("@")[2] == FREE.get(country):
            self.website = ""

    def _address(self, country: str, domain: str, chance: random.Random) -> str:
        words = ascii_of(self.name).split()
        first, last = words[0], "".join(words[-1:])
        role = chance.choice(ROLES[country].split())
        local = chance.choice(
            (
                f"{first}.{last}",
                f"{first[0]}.{last}",
                last,
                first,
                role,
                role,
                f"{first[0]}{last[0]}",
                f"{last}{first[0]}",
            )
        )
        if country in FREE and chance.random() < 0.2:
            return f"{first}.{last}@{FREE[country]}"
        return f"{local}@{domain}"

    def truth(self, style: str) -> Truth:
        return Truth(
            self.name,
            self.firm,
            self.email,
            self.job,
            self.phones,
            self.website,
            f"{self.street} {self.town}",
            style,
        )

    def shown(self, chance: random.Random) -> str:
        """The name as it is printed: shouted, turned round, with a title."""
        *given, last = self.name.split()
        turned = f"{last.upper()} {' '.join(given)}" if len(given) == 1 else self.name
        ways = (
            self.name,
            self.name,
            self.name,
            self.name.upper(),
            f"{' '.join(given)} {last.upper()}",
            turned,
        )
        name = chance.choice(ways)
        return " ".join(
            filter(None, (self.title, name + (f", {self.suffix}" if self.suffix else "")))
        )

    def reach(self, chance: random.Random) -> list[str]:
        """Telephones, address to mail to and website, with and without labels."""
        labelled = chance.random() < 0.6
        rows = [
            f"{label} {number}" if labelled else number
            for label, number in zip(self.labels, self.phones, strict=False)
        ]
        rows.append(
            f"{chance.choice(('E-Mail:', 'e', 'Mail'))} {self.email}"
            if labelled and chance.random() < 0.5
            else self.email
        )
        return rows + ([self.website] if self.website else [])


def people(how_many: int, seed: str = SEED) -> Iterator[tuple[Person, random.Random]]:
    for number in range(how_many):
        chance = random.Random(f"{seed}-{number}")
        yield Person(number, chance), chance


FACES = (
    "Lato",
    "Lato:bold",
    "Open Sans",
    "EB Garamond",
    "Carlito",
    "Roboto:medium",
    "Linux Libertine O",
    "DejaVu Serif",
    "DejaVu Sans Condensed",
    "Liberation Sans Narrow",
    "Caladea",
)


@cache
def typeface(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A typeface fontconfig finds, in a size."""
    found = subprocess.run(
        ["fc-match", "-f", "%{file}", name], capture_output=True, text=True, check=True
    )
    return ImageFont.truetype(found.stdout, size)


class Paper:
    """A card that lines are set on."""

    def __init__(self, size: tuple[int, int], chance: random.Random) -> None:
        self.paper, self.ink, self.accent = chance.choice(
            (
                ("#ffffff", "#1b1b1b", "#8c1c2b"),
                ("#fbfaf5", "#2d2d2d", "#1f5d50"),
                ("#20242b", "#f0ede6", "#d2a679"),
                ("#e8edf2", "#14304f", "#c2571a"),
                ("#3b5249", "#f6f3ea", "#f2d492"),
            )
        )
        self.image = Image.new("RGB", size, self.paper)
        self.draw = ImageDraw.Draw(self.image)
        self.face = chance.choice(FACES)
        self.mark = chance.choice(FACES)

    def stack(
        self, at: tuple[int, int], rows: list[tuple[str, int]], anchor: str = "l", ink: str = ""
    ) -> int:
        """Rows of text and size, one below the other from a point; the height where they end.

        Minus sizes are set in the face and colour of marks.
        """
        x, y = at
        for text, size in rows:
            face = typeface(self.mark if size < 0 else self.face, self._fitting(text, abs(size)))
            colour = ink or (self.accent if size < 0 else self.ink)
            if text:
                self.draw.text((x, y), text, colour, face, anchor=anchor + "a")
            y += int(abs(size) * (1.34 if text else 0.7))
        return y

    def _fitting(self, text: str, size: int) -> int:
        while size > 14 and typeface(self.face, size).getlength(text) > self.image.width - 110:
            size -= 2
        return size


Layout = Callable[[Person, random.Random, Paper], None]


def one_size(who: Person, chance: random.Random, paper: Paper) -> None:
    """Everything in one size, only parted by space."""
    rows = [
        who.firm,
        who.small,
        "",
        who.shown(chance),
        who.job,
        "",
        who.street,
        who.town,
        *who.reach(chance),
    ]
    paper.stack((60, 50), [(row, 27) for row in rows])


def mark_and_corner(who: Person, chance: random.Random, paper: Paper) -> None:
    """A large mark above, the person in the lower right corner."""
    paper.stack((50, 50), [(who.firm, -46), (who.small, 20)])
    paper.stack(
        (paper.image.width - 50, 270),
        [
            (who.shown(chance), 27),
            (who.job, 22),
            (who.street + ", " + who.town, 20),
            *((row, 20) for row in who.reach(chance)),
        ],
        "r",
    )


def person_alone(who: Person, chance: random.Random, paper: Paper) -> None:
    """A large name in the middle; the firm in small print at the foot."""
    middle = paper.image.width // 2
    paper.stack((middle, 110), [(who.shown(chance), 46), (who.job, 26)], "m")
    foot = [
        (who.firm, 24),
        (f"{who.street} · {who.town}", 21),
        (" · ".join(who.reach(chance)[:-1]), 21),
        (who.reach(chance)[-1], 21),
    ]
    paper.stack((middle, 350), foot, "m")


def two_columns(who: Person, chance: random.Random, paper: Paper) -> None:
    """Firm and person left, the rest right of a rule."""
    half = paper.image.width // 2
    words = who.firm.split()
    cut = (len(words) + 1) // 2
    mark = [(" ".join(words[:cut]), -34), (" ".join(words[cut:]), -34)]
    paper.stack((45, 90), [*mark, ("", 40), (who.shown(chance), 25), (who.job, 21)])
    paper.draw.line((half + 20, 80, half + 20, 460), paper.accent, 3)
    paper.stack(
        (half + 45, 180), [(row, 21) for row in (who.street, who.town, "", *who.reach(chance))]
    )


def reach_first(who: Person, chance: random.Random, paper: Paper) -> None:
    """Where to write above, the person below, the firm last."""
    y = paper.stack((60, 50), [(row, 22) for row in (*who.reach(chance), who.street, who.town)])
    paper.stack((60, y + 60), [(who.shown(chance), 34), (who.job, 24), ("", 20), (who.firm, -30)])


def band(who: Person, chance: random.Random, paper: Paper) -> None:
    """The firm in a coloured band across the middle."""
    wide, high = paper.image.size
    paper.stack((60, 45), [(who.shown(chance), 34), (who.job, 24)])
    paper.draw.rectangle((0, 190, wide, 290), paper.accent)
    paper.stack((60, 214), [(who.firm, 34)], ink=paper.paper)
    paper.stack(
        (60, high - 220),
        [(row, 22) for row in (f"{who.street}, {who.town}", *who.reach(chance), who.small)],
    )


def job_and_name(who: Person, chance: random.Random, paper: Paper) -> None:
    """The job before the name in its line, as craftsmen have it, or behind a bar."""
    joined = chance.choice((f"{who.shown(chance)} | {who.job}", f"{who.job} {who.name}"))
    paper.stack(
        (50, 70),
        [
            (who.firm, -38),
            ("", 30),
            (joined, 28),
            ("", 24),
            *((row, 23) for row in (who.street, who.town, *who.reach(chance))),
        ],
    )


def spread(who: Person, chance: random.Random, paper: Paper) -> None:
    """Firm, person, place and reach in the four corners."""
    wide, high = paper.image.size
    paper.stack((45, 50), [(who.firm, -28), (who.small, 18)])
    paper.stack((wide - 45, 150), [(who.shown(chance), 30), (who.job, 22)], "r")
    paper.stack((45, high - 110), [(who.street, 20), (who.town, 20)])
    paper.stack((wide - 45, high - 150), [(row, 20) for row in who.reach(chance)], "r")


LAYOUTS: tuple[Layout, ...] = (
    one_size,
    mark_and_corner,
    person_alone,
    two_columns,
    reach_first,
    band,
    job_and_name,
    spread,
)


def photographed(card: Image.Image, chance: random.Random) -> Image.Image:
    """The card on cloth, turned a little, unsharp and noisy."""
    grain = numpy.random.default_rng(chance.randrange(2**32))
    wide, high = card.size
    cloth = grain.normal(chance.randrange(60, 200), 9, (high + 160, wide + 160, 1)).repeat(3, 2)
    ground = Image.fromarray(numpy.clip(cloth, 0, 255).astype(numpy.uint8))
    turned = card.convert("RGBA").rotate(
        chance.uniform(-7, 7), Image.Resampling.BICUBIC, expand=True
    )
    ground.paste(
        turned, ((ground.width - turned.width) // 2, (ground.height - turned.height) // 2), turned
    )
    ground = ground.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 1.1)))
    seen = numpy.asarray(ground, float) * chance.uniform(0.7, 1.05) + grain.normal(
        0, chance.uniform(1, 7), (*ground.size[::-1], 3)
    )
    return Image.fromarray(
        cv2.medianBlur(numpy.clip(seen, 0, 255).astype(numpy.uint8), 3)
        if chance.random() < 0.3
        else numpy.clip(seen, 0, 255).astype(numpy.uint8)
    )


def cards(limit: int | None = None, seed: str = SEED) -> Iterator[tuple[Truth, bytes]]:
    """Truth and JPEG of every card, or of `limit` ones spread over the set."""
    step = max(1, HOW_MANY // limit) if limit else 1
    for number, (who, chance) in enumerate(people(HOW_MANY, seed)):
        if number % step:
            continue
        layout = LAYOUTS[(number + number // 16) % len(LAYOUTS)]
        paper = Paper((960, 560), chance)
        layout(who, chance, paper)
        card = photographed(paper.image, chance) if number % 3 else paper.image
        file = io.BytesIO()
        card.save(file, "JPEG", quality=chance.randrange(55, 92))
        yield who.truth(layout.__name__), file.getvalue()


def signatures(seed: str = "signatures") -> Iterator[tuple[Truth, str]]:
    """People as the end of a mail, in the orders mail programs and people have."""
    for number, (who, chance) in enumerate(people(HOW_MANY_SIGNATURES, seed)):
        place, reach, name = [who.street, who.town], who.reach(chance), who.shown(chance)
        orders = (
            [name, who.job, "", who.firm, *place, *reach],
            [name, who.firm, *reach, ", ".join(place)],
            [f"{name} | {who.job}", who.firm, " | ".join(reach)],
            [who.firm, name, *place, *reach, who.small],
            [name, f"{who.job}, {who.firm}", *reach],
            [
                "",
                name,
                "",
                who.firm,
                who.small,
                "",
                *place,
                "",
                *reach,
                "",
                "This e-mail is confidential.",
            ],
        )
        greeting = GREETINGS[number % len(GREETINGS)]
        yield (
            who.truth("signature"),
            "\n".join(filter(None, [greeting])) + "\n" + "\n".join(orders[number % len(orders)]),
        )


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (_, picture) in enumerate(cards()):
        (folder / f"{number:02}.jpg").write_bytes(picture)


if __name__ == "__main__":
    main()
