"""The words by which lines of cards and signatures show what they are: German, English, French."""

from __future__ import annotations

import re


def _any(words: str, *, start: str = r"\b", end: str = r"\b") -> re.Pattern[str]:
    return re.compile(f"{start}(?:{words}){end}", re.IGNORECASE)


def words(text: str) -> frozenset[str]:
    """A set of words that stand in one text."""
    return frozenset(text.split())


# Legal forms, with and without the dots; they end the name of a company or stand on its own line.
LEGAL_FORM = re.compile(
    r"(?<![\w&])(?:g?GmbH|mbH|AG|KGaA|KG|OHG|OG|GbR|GesbR|UG|e\. ?V\.|e\. ?K\.|e\. ?U\."
    r"|e\. ?G\.|eG|eV"
    r"|SE|PartG(?:mbB)?|& Co\.?|Ltd\.?|Limited|Inc\.?|LLC|L\.L\.C\.|LLP|PLC|plc|Corp\.?"
    r"|Corporation|Pty"
    r"|S\.? ?A\.? ?S\.?U?|SASU|SARL|S\.A\.R\.L\.|S\. ?A\.|SA|EURL|SNC|SCOP|SCI|B\.?V\.?|N\.?V\.?"
    r"|V\.o\.f\."
    r"|[Ss]\.? ?[Rr]\.? ?[Ll]\.?[Ss]?|[Ss]\. ?p\. ?[Aa]\.|SpA|S\.n\.c\.|S\. ?L\. ?(?:U\.|L\.)?"
    r"|SLU?|C\.B\."
    r"|Sp\. ?z ?o\. ?o\.|[Ss]p\. ?[jkp]\.|s\.c\.|S\.C\."
    r"|S\.K\.A\.|s\. ?r\. ?o\.|spol\. s r\. ?o\.|a\. ?s\."
    r"|d\. ?o\. ?o\.|d\. ?d\."
    r"|Kft\.?|Zrt\.?|Nyrt\.?|Bt\.|Lda\.?|ApS|A/S|ASA|HB|Oyj?|Osakeyhtiö|Ges\.m\.b\.H\.|Stiftung"
    r"|Genossenschaft|S[àa]rl|S\. ?à ?r\. ?l\.|Co-op|Coop|PLLC|P\.L\.L\.C\.|P\.C\.|DAC|CLG|CIC"
    r"|Teoranta|Teo\.?|Aktiebolag|[Vv]\.?[Oo]\.?[Ff]\.?|e\. ?U\.|mbB|ehf\.?|hf\.|ses\.|SRL|SPRL"
    r"|BVBA|CVBA|ASBL|VZW|SELARL|EARL|GAEC|SCEA|SCP|Soc\. ?Agr\.|Ky|I/S|K/S|SPARL"
    r"|S\. ?L\. ?[PLN]\.?|S\. ?A\. ?U\.|S\. ?L\. ?U\.|Unipessoal|AöR|Ges\.? ?mbH|KdöR|eGbR|egbr"
    r"|[kv]\. ?o\. ?s\.|k\. ?s\.|o\. ?p\. ?s\.|z\. ?s\.|OÜ|UAB|SIA"
    r"|Kommanditgesellschaft|GmbH & Co\. KG"
    r"|& (?:Cie|Fils|Söhne|Sohn|Sons|Zonen|Zn|Figli|Hijos|Søn|Co)\b\.?)(?![\w&])"
    # Two letters that a postcode may have as well.
    r"|(?<=[^\W\d_] )(?:AB|AS|Co\.)(?=\Z|\s*[,(|])"
)
ORGANISATION = _any(
    r"universit\w+|university|universität|hochschule|institut\w*|verlag\w*|bank|sparkasse"
    r"|klinik\w*|krankenhaus|hospital|hôpital|group|gruppe|groupe|holding|association|verein"
    r"|verband|ministerium|ministry|ministère|stadt|gemeinde|landkreis|mairie|council|agentur"
    r"|agency|agence|company|cie|compagnie|solutions?|systems?|systèmes?|technologies|technology"
    r"|technik|consulting|partners?|partner|werke?|industries|industrie|software|media|medien"
    r"|studios?|architekten|architects|architectes|rechtsanwälte|kanzlei|cabinet|notare|praxis"
    r"|labor|labs?|logistik|logistics|logistique|versicherung\w*|assurances?|insurance|bau"
    r"|brauerei|hotel|hôtel|restaurant|museum|theater|foundation|fondation|société|services"
    r"|engineering|druckerei|bäckerei|ateliers?|apotheke|schule|akademie|academy|zentrum|centre"
    r"|center"
    r"|\w{3,}(?:bau|technik|werke?|verlag|praxis|druck|druckerei|service|handel|zentrum|betrieb"
    r"|werkstatt"
    r"|gesellschaft|verein|klinik|apotheke|schule|bank|gruppe|kanzlei|agentur|büro|studio"
    r"|tischlerei"
    r"|schreinerei|bäckerei|gärtnerei|brauerei|manufaktur|verwaltung|akademie|hotel|spedition|reederei)"
    r"|tischlerei|schreinerei|gärtnerei|manufaktur|spedition|reederei|hof|weingut|gasthof|gasthaus"
    r"|studio legale|studio tecnico|officina|clínica|clinica|despacho|talleres|bodegas?|cantina"
    r"|kancelaria|przedsiębiorstwo|zakład|biuro|stowarzyszenie|förening|byrå|advokatbyrå|verkstad"
    r"|maison|ferme|pharmacie|boulangerie|menuiserie|plomberie|farmacia|pasticceria|frantoio|trattoria"
    r"|ristorante|restaurante|azienda|fattoria|costruzioni|construcciones|conservas|carpintería|gestor[ií]a"
    r"|abogados|advocats|notarissen|advocaten|notaris|bakkerij|loodgieters|schrijnwerken|huisartsen\w*"
    r"|praktijk|universit[àá]\w*|universidad|universidade|uniwersytet|univerzita|universitetet|yliopisto"
    r"|instituto|escuela|scuola|école|lycée|school|college|academia|hurtownia|gabinet|stolarnia|fundacja"
    r"|spółdzielnia|truhlářství|pekařství|strojírny|vinařství|ordinace|nemocnice|kancelář|bageri|fastigheter"
    r"|tandlægerne|asianajotoimisto|konepaja|kommunikasjon|clinic|clinique|surgery|dental|pediatrics"
    r"|solicitors|auctioneers|lettings|bakery|tearoom|gallery|plumbing|roofing|realty|trust|society"
    r"|church|kirchengemeinde|gemeinschaft\w*|weinhandel|immobilien|installationen|treuhand"
    r"|\w{3,}(?:krankenhaus|klinikum|spital)|spital|szpital|ziekenhuis|sygehus|sjukhus|transport|catering"
    r"|events?|design|travel|reisen|training|coaching|photography|opticians|garage|motors|autohaus"
    r"|\w{3,}erei|büros[uü]|avukatlık|ortaklığı|notariat|advokatur|fiduciaire|tierarztpraxis|stiftung|verkehrsverein|tourismusverband|gesellschaft"
    r"|konsult|aktiebolag|firmaet|advokatfirma\w*|tandlæge\w*|vennootschap|stichting|bureau"
)
TITLE = _any(
    r"geschäftsführe\w+|geschäftsleit\w+|vorstand\w*|vorsitzende\w*|leiter\w*|leitung"
    r"|bereichsleit\w+|abteilungsleit\w+|vertriebsleit\w+|projektleit\w+|referent\w*"
    r"|sachbearbeit\w+|berater\w*|\w*berater(?:in)?|prokurist\w*|inhaber\w*|gesellschafter\w*"
    r"|assistent\w*|assistenz|entwickler\w*|ingenieur\w*|architekt|architektin|rechtsanwält\w+"
    r"|rechtsanwalt|steuerberat\w+|techniker\w*|einkäufer\w*|verkäufer\w*|redakteur\w*|kauf(?:mann"
    r"|frau)|beauftragte\w*|mitarbeiter\w*|meister\w*|ärzt\w+|arzt|dozent\w*|\w*manager(?:in)?"
    r"|\w*leiter(?:in)?|\w*ingenieur(?:in)?|\w*entwickler(?:in)?|ceo|cto|cfo|coo|cmo|cio|chief"
    r"|officer|president|vice[- ]president|vp|svp|evp|director|head of|founder|co-?founder|owner"
    r"|(?<!& )(?<!&)partner|managing|executive|engineer|developer|consultant|analyst|specialist"
    r"|coordinator|representative|associate|administrator|designer|architect|scientist|accountant"
    r"|attorney|lawyer|editor|nurse|physician|lecturer|advisor|adviser|lead|supervisor|technician"
    r"|buyer|planner|notar(?:in)?|vorständ\w+|fotograf(?:in)?|photographe\w*|professor\w*"
    r"|assistant|secretary|chairman|chairwoman|directeur|directrice|dirigeant\w*|président\w*"
    r"|gérant\w*|responsable|chef|cheffe|chargée?|ingénieure?|développeu\w+|commerciale?"
    r"|conseill\w+|consultante?|assistante?|attachée?|comptable|avocate?|juriste|médecin|fondat\w+"
    r"|associée?|technicien\w*|acheteu\w+|rédact\w+|secrétaire|coordinat\w+|adjointe?|délégué\w*"
    r"|gestionnaire|direttore|direttrice|amministra\w+|titolare|ingegnere|avvocato|responsabile"
    r"|commercialista|director[ae]?|gerente|jef[ea]|abogad[oa]|ingenier[oa]|propietari[oa]|socio|socia"
    r"|diretor[a]?|engenheir[oa]|advogad[oa]|kierowni\w+|dyrektor\w*|prezes\w*|właściciel\w*"
    r"|specjalist\w+|vedoucí|ředitel\w*|jednatel\w*|obchodní|directeur|eigenaar|adviseur"
    r"|bedrijfsleider|verkoper|inkoper|direktør|indehaver|rådgiver|daglig leder|direktör|säljare"
    r"|konsult|ägare|toimitusjohtaja|johtaja|myyntipäällikkö|asiantuntija|igazgató|ügyvezető"
    r"|\w{3,}(?:meister|pfleger|macher|therapeut|psycholog\w?|händler|helfer|trainer|warte?)(?:in)?"
    r"|\w{4,}(?:ologe|ologin|ologist|ologue|ologo|ologa|grafiker|graphiker|praktiker|techniker)(?:in)?"
    r"|[lł]ekarz\w*|lékař\w*|radca|adwokat\w*|advok[aá]t(?:in|ka|en|er)?|notai?ris|notaire|notario|notary"
    r"|solicitor|barrister|surveyor|surgeon|dentist\w*|chirurgien\w*|zahnärzt\w+|zahnarzt|tandlæge"
    r"|huisarts|dierenarts|loodgieter|timmerman|hovenier|zaakvoerder\w*|constructeur|plombier\w*"
    r"|menuisier\w*|artisane?s?|boulang\w+|pâtissi\w+|céramiste|keramik(?:er(?:in)?)|sommeli\w+"
    r"|infirmi\w+|pharmacien\w*|ostéopathe|kinésithérapeute|traduct\w+|dolmetscher\w*|übersetzer\w*"
    r"|makler\w*|wirt(?:in)?|winzer(?:in)?|schreiner|tischler|maler|dachdecker|elektriker|klempner"
    r"|zimmerer|gärtner(?:in)?|bäcker|konditor(?:in)?|florist\w*|friseur\w*|geometra|geometer"
    r"|farmacist\w+|farmacéutic[oa]|carpintero|maestro|psicólog[oa]|psicolog[oa]|arquitect[oa]"
    r"|enólog[oa]|médic[oa]|dentista|stolarz|projektant\w*|spedytor\w*|księgow\w+|truhlář(?:ka)?|pekař(?:ka)?"
    r"|sklepmistr|účetní|rörmokare|rørlegger|baker|snickare|asianajaja|skólastjóri|framkvæmdastjóri"
    r"|leder|chef|inköpschef|arkitekt|ailtire|príomhoide|auctioneer|negotiator|realtor|proprietor"
    r"|plumber|electrician|carpenter|curator|teacher|translator|interpreter|photographer|tomrermester"
    r"|pediatrician|therapist|counsel|paralegal|clerk|trainee|intern|volunteer|student(?:in)?"
    r"|\w{3,}(?:ikerin|istin|eurin|ärin|login)|\w{4,}hygieniker|saddler|joiner|blacksmith"
    r"|meisterin|obfrau|obmann|pfarrer(?:in)?|schulleit\w+|rektor(?:in)?"
)
DEPARTMENT = _any(
    r"(?:klinik|institut|lehrstuhl|fakultät|faculty|faculté|facultad|facoltà|wydział|katedra|instituut"
    r"|dipartimento|departamento|afdeling|avdeling|avdelning|osasto|dienst|ufficio|servicio|servizio"
    r"|oddział|oddělení) (?:für|of|for|de|des|di|van|voor|för|og|och|\w+)"
    r"|abteilung|vertrieb|einkauf|marketing|personal|buchhaltung|forschung|entwicklung|controlling"
    r"|kundendienst|kundenservice|öffentlichkeitsarbeit|unternehmenskommunikation|fachbereich"
    r"|referat|department|dept\.?|division|sales|purchasing|human resources|research|development"
    r"|operations|communications|customer (?:service|success|care)|service|support|direction"
    r"|département|pôle|ventes|achats|ressources humaines|recherche|communication|logistik"
    r"|produktion|finance|finances|public relations|product management|business development|export"
    r"|innenrevision|datenschutz"
)
STREET = re.compile(
    r"(?:\w*(?:stra(?:ß|ss|B)e|str\.?|weg|platz|allee|gasse|ring|damm|ufer|chaussee|markt|graben"
    r"|steig|pfad|hof|berg|tor|wall|park)\s*\d+\s*[a-z]?\b(?:\s*[-–/]\s*\d+\s*[a-z]?)?|(?:am"
    r"|an der|auf der|im|in der|unter den|zum|zur|alter?|neuer?)\s+[\w-]+(?:\s[\w-]+)?\s+\d+\w?$"
    r"|\d+\s*(?:bis|ter|[a-z])?,?\s+(?:rue|avenue|av\.|boulevard|bd\.?|place|quai|impasse|chemin"
    r"|route|allée|cours|passage|square|faubourg)\b.*"
    r"|\d+[a-z]?(?:[-–]\d+)?\s+[\w'’. -]*\b(?:street|st\.?|road|rd\.?|avenue|ave\.?|lane|ln\.?"
    r"|drive|way|square|court|place|boulevard|blvd\.?|terrace|crescent|gardens|row|broadway|quay"
    r"|hill|close|park|parkway|gate|mews|wharf)\b.*|(?:postfach|p\.? ?o\.? ?box|bp|cs)\s*\d+.*"
    r"|(?:unit|suite|floor|level|building|gebäude|haus|bâtiment|bât\.?|étage|room)\s+\w+)",
    re.IGNORECASE,
)
CITY = re.compile(
    r"(?:\b(?:[A-Z]{1,3}\s?[-–]\s?)?(?:\d{4,5}|\d{3}\s\d{2}|\d{2}-\d{3}|\d{4}-\d{3})"
    r"\s+[^\W\d_][\w.()/’'-]*(?:[ -][^\W\d_][\w.()/’'-]*){0,4}"
    r"|.*\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b"
    r"|[^\W\d_][\w .'-]+,?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?)"
)
COUNTRY = re.compile(
    r"(?:deutschland|germany|allemagne|österreich|austria|autriche|schweiz|switzerland|suisse"
    r"|france|frankreich|united kingdom|uk|great britain|england|scotland|ireland|usa"
    r"|united states|belgique|belgien|belgium|luxembourg|luxemburg|italia|italien|italy|españa"
    r"|spanien|spain"
    r"|nederland|niederlande|netherlands|canada|kanada|polska|polen|poland)\Z",
    re.IGNORECASE,
)
# What stands beside numbers and addresses; the kind of a telephone by its label.
LABELS = (
    ("fax", r"telefax|fax|télécopie|f"),
    ("cell", r"mobil\w*|mobile|handy|cell(?:ular)?|portable|port|mob|m"),
    ("work", r"telefon|telephone|téléphone|phone|fon|tel|tél|durchwahl|direct|direkt|büro|office"),
    ("work", r"t|p|d|b|o|ligne directe|standard|zentrale"),
    (
        "",
        r"e-?mail|mail|courriel|e|web|website|internet|www|site|url|w|i|adresse|address|anschrift|a",
    ),
)
LABEL = re.compile(
    r"(?:" + "|".join(words for _, words in LABELS) + r")\s*[.:/|)]*\s*\Z", re.IGNORECASE
)
LANGUAGES = {
    "de": _any(
        r"gmbh|ag|kg|telefon|mobil|fax|und|straße|str|leiter\w*|geschäftsführ\w+|vertrieb|abteilung"
        r"|deutschland|österreich|schweiz|grüßen|gruß|herr|frau|für|der|die|mfg|e\.v|postfach"
    ),
    "en": _any(
        r"ltd|inc|llc|plc|phone|mobile|and|street|road|manager|director|head|of|sales|kingdom|usa"
        r"|regards|best|sincerely|the|engineer|officer|department|suite|floor"
    ),
    "fr": _any(
        r"sarl|sas|sasu|tél|téléphone|portable|et|rue|avenue|boulevard|directeur|directrice|chef|de"
        r"|responsable|france|cordialement|bien|société|cedex|des|du|chargée?|ingénieure?"
    ),
}
# Where one of them is spoken, by the ending of domains and the prefix of numbers.
COUNTRIES = {
    "de": frozenset({"de", "at", "+49", "+43"}),
    "en": frozenset({"uk", "ie", "us", "+44", "+1 ", "+35"}),
    "fr": frozenset({"fr", "+33"}),
}
# Mailbox providers: their domain says nothing of the company.
FREE_MAIL = words(
    "gmail googlemail gmx web t-online outlook hotmail yahoo icloud me aol freenet posteo"
    " mailbox proton protonmail orange free laposte wanadoo sfr live msn arcor bluewin"
    " btinternet fastmail seznam centrum volny wp onet interia o2 op poczta libero virgilio tiscali"
    " alice tin free bbox skynet telenet proximus ziggo kpnmail xs4all planet hetnet telia sapo"
    " hispeed sunrise aon chello a1 unitybox vodafone freemail citromail mail email yandex rambler"
    " ukr tutanota tuta hey zoho comcast verizon att sbcglobal bellsouth cox charter"
    " earthlink eircom"
    " talktalk virginmedia sky ntlworld blueyonder abv rocketmail ymail numericable neuf terra"
    " telefonica ono iol netcabo clix inbox online home kolumbus elisa saunalahti jubii"
)
# Mailboxes of a house rather than of a person; they say nothing of anybody's name.
ROLE_MAILBOXES = words(
    "info office kontakt contact mail post email service support sales vertrieb einkauf praxis"
    " kanzlei buero büro sekretariat zentrale empfang hallo hello hi team verwaltung rezeption"
    " reception buchhaltung bewerbung jobs presse press marketing werkstatt laden shop bestellung"
    " order anfrage admin webmaster postmaster newsletter praxisteam steuerberatung notariat"
    " accueil cabinet secretariat commercial ventes achats direction bonjour atelier magasin"
    " studio segreteria amministrazione vendite acquisti ufficio commerciale"
    " administracion ventas compras oficina despacho pedidos gerencia"
    " biuro sekretariat sprzedaz handel kontakt firma zakupy"
    " inkoop verkoop administratie receptie balie welkom"
    " kontor post salg indkob inkop innkjop order bokning"
    " obchod nakup kancelar objednavky myynti toimisto asiakaspalvelu"
    " geral comercial vendas compras escritorio iroda ured prodaja"
)
