"""Who stands on the printed cards: nobody real, companies that do not exist."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """What one card says, in its own words."""

    language: str
    first: str
    last: str
    email: str
    company: str
    title: str
    street: str
    city: str
    phone: str
    mobile: str = ""
    web: str = ""
    prefix: str = ""
    department: str = ""
    country: str = ""
    motto: str = ""

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def shown_name(self) -> str:
        return f"{self.prefix} {self.name}".strip()


PEOPLE = (
    Printed(
        "de", "Anna", "Müller", "anna.mueller@nordlicht-robotik.de", "Nordlicht Robotik GmbH",
        "Leiterin Vertrieb Süd", "Hauptstraße 12", "10115 Berlin", "+49 30 1234567",
        "+49 171 2345678", "www.nordlicht-robotik.de", department="Abteilung Vertrieb",
        country="Deutschland", motto="Maschinen, die mitdenken",
    ),
    Printed(
        "de", "Jürgen", "Weißenböck", "j.weissenboeck@weissenboeck-bau.at",
        "Weißenböck Hochbau Ges.m.b.H.", "Geschäftsführer", "Mariahilfer Straße 101",
        "1060 Wien", "+43 1 5876543", "+43 664 1234567", "www.weissenboeck-bau.at",
        prefix="Dipl.-Ing.", motto="Gebaut für Generationen",
    ),
    Printed(
        "en", "Sarah", "Whitfield", "sarah.whitfield@harrowgate.co.uk", "Harrowgate Partners LLP",
        "Senior Consultant", "14 Queen Square", "London WC1N 3AR", "+44 20 7946 0123",
        "+44 7700 900456", "www.harrowgate.co.uk", country="United Kingdom",
    ),
    Printed(
        "fr", "Zoé", "Lefèvre", "zoe.lefevre@atelier-lumiere.fr", "Atelier Lumière SARL",
        "Directrice artistique", "12 rue de la République", "69002 Lyon", "04 72 10 20 30",
        "06 12 34 56 78", "www.atelier-lumiere.fr", motto="La lumière sur mesure",
    ),
    Printed(
        "de", "Kai", "Özdemir", "oezdemir@stadtwerke-lindau.de", "Stadtwerke Lindau AG",
        "Referent Datenschutz", "Am Hafen 3", "88131 Lindau", "08382 704-118", "",
        "www.stadtwerke-lindau.de", department="Stabsstelle Recht",
    ),
    Printed(
        "en", "Declan", "O'Rourke", "declan@kestrel.io", "Kestrel Software Inc.",
        "Chief Technology Officer", "500 Market Street", "San Francisco, CA 94105",
        "415-555-0132", "415-555-0188", "kestrel.io", motto="Ship it before lunch",
    ),
    Printed(
        "de", "Friederike", "von der Heide", "friederike.vonderheide@heide-notare.de",
        "Notare von der Heide & Partner", "Notarin", "Schloßplatz 7", "26122 Oldenburg",
        "0441 92 18 0", "", "www.heide-notare.de", prefix="Dr.",
    ),
    Printed(
        "fr", "Jean-Baptiste", "Garnier", "jb.garnier@garnier-vins.com", "Garnier & Fils SAS",
        "Gérant", "8 chemin des Vignes", "21200 Beaune", "+33 3 80 22 11 00", "",
        "www.garnier-vins.com", country="France",
    ),
    Printed(
        "de", "Thomas", "Kühn", "tkuehn@ibk-ingenieure.de", "IBK Ingenieure GbR",
        "Projektleiter Tragwerksplanung", "Gartenweg 4a", "01067 Dresden", "0351 4567-0",
        "0172 9876543", "www.ibk-ingenieure.de", motto="Statik mit Augenmaß",
    ),
    Printed(
        "en", "Priya", "Raman", "priya.raman@lumenhealth.com", "Lumen Health Ltd",
        "Head of Clinical Research", "2 Harbour Road", "Dublin D02 X285", "+353 1 555 0199", "",
        "www.lumenhealth.com", prefix="Dr",
    ),
    Printed(
        "de", "Sabine", "Groß-Hülsmann", "s.gross-huelsmann@muensterland-energie.de",
        "Münsterland Energie eG", "Vorständin", "Windmühlenstraße 88", "48143 Münster",
        "+49 251 700-1", "+49 151 22334455", "www.muensterland-energie.de",
        motto="Strom von nebenan",
    ),
    Printed(
        "fr", "Émilie", "Dubois", "emilie.dubois@mairie-valbonne.fr", "Mairie de Valbonne",
        "Responsable communication", "1 place de l'Hôtel de Ville", "06560 Valbonne",
        "04 93 12 31 00", "", "www.mairie-valbonne.fr",
    ),
    Printed(
        "en", "Marcus", "Chen", "mchen@bluepeakcapital.com", "Blue Peak Capital",
        "Managing Director", "350 Fifth Avenue", "New York, NY 10118", "(212) 555-0147", "",
        "www.bluepeakcapital.com",
    ),
    Printed(
        "de", "Heike", "Söhnlein", "info@baeckerei-soehnlein.de", "Bäckerei Söhnlein",
        "Inhaberin", "Marktplatz 2", "97070 Würzburg", "0931 55 44 33", "",
        "www.baeckerei-soehnlein.de", motto="Brot, das schmeckt wie früher",
    ),
    Printed(
        "de", "Peter", "Ludwig", "peter.ludwig@uni-tauber.de", "Universität Tauber",
        "Lehrstuhlinhaber", "Universitätsring 1", "97980 Bad Mergentheim", "07931 880-200", "",
        "www.uni-tauber.de", prefix="Prof. Dr.", department="Fachbereich Informatik",
    ),
    Printed(
        "en", "Grace", "Abernathy", "grace.abernathy@foxglovepress.com", "Foxglove Press",
        "Commissioning Editor", "27 Castle Street", "Edinburgh EH2 3DN", "+44 131 496 0321", "",
        "www.foxglovepress.com", motto="Books worth the shelf",
    ),
    Printed(
        "fr", "Luc", "Moreau", "l.moreau@transports-moreau.fr", "Transports Moreau SA",
        "Directeur logistique", "45 avenue du Général Leclerc", "59000 Lille",
        "+33 3 20 55 66 77", "+33 6 98 76 54 32", "www.transports-moreau.fr",
    ),
    Printed(
        "de", "Mirjam", "Brändli", "mirjam.braendli@helvetia-praezision.ch",
        "Helvetia Präzision AG", "Einkäuferin", "Bahnhofstrasse 21", "8400 Winterthur",
        "+41 52 260 10 10", "+41 79 123 45 67", "www.helvetia-praezision.ch", country="Schweiz",
    ),
    Printed(
        "de", "Ole", "Petersen", "ole.petersen@gmail.com", "Petersen Fotografie",
        "Fotograf", "Deichstraße 9", "20459 Hamburg", "040 36 00 11", "0176 55667788",
        "www.petersen-fotografie.de",
    ),
    Printed(
        "en", "Hannah", "Kowalski", "hannah.kowalski@wirral-council.gov.uk", "Wirral Council",
        "Communications Officer", "Brighton Street", "Wallasey CH44 8ED", "0151 606 2000", "",
        "www.wirral-council.gov.uk",
    ),
    Printed(
        "de", "Dmitri", "Schäfer", "d.schaefer@quantenwerk.de", "Quantenwerk UG",
        "Softwareentwickler", "Karl-Marx-Allee 90", "10243 Berlin", "+49 30 99887766", "",
        "quantenwerk.de", motto="Rechnen am Limit",
    ),
    Printed(
        "fr", "Inès", "Bertrand", "ines.bertrand@cabinet-bertrand.fr", "Cabinet Bertrand",
        "Avocate associée", "3 bis, boulevard Voltaire", "75011 Paris", "01 43 55 66 77", "",
        "www.cabinet-bertrand.fr",
    ),
    Printed(
        "de", "Bärbel", "Jäger", "baerbel.jaeger@rhein-logistik.com",
        "Rhein Logistik GmbH & Co. KG", "Prokuristin", "Industriestraße 44", "50735 Köln",
        "+49 221 7788-0", "+49 160 7654321",
        "www.rhein-logistik.com", motto="Bewegt, was zählt",
    ),
    Printed(
        "en", "Tom", "Ashworth-Bell", "tom.ashworth-bell@northmoor.org", "Northmoor Foundation",
        "Programme Manager", "6 Mill Lane", "Leeds LS2 7EY", "+44 113 496 0555",
        "+44 7700 900789", "www.northmoor.org",
    ),
)  # fmt: skip
