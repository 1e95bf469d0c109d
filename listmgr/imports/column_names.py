"""Names that other programs give to columns of people, in six languages."""

from __future__ import annotations

from listmgr.imports.plan import Target

_T = Target


def compact(label: str) -> str:
    """Normalize a column's name for lookup: `Opt-in Date`, `opt_in_date` and `OptInDate` are
    equal.
    """
    return "".join(char for char in label.casefold() if char.isalnum())


# By target, separated by commas; blanks, hyphens, underscores and capitals make no difference.
_NAMES = {
    "email": """
        email, mail, email address, email adresse, mail adresse, adresse mail, courriel, adresse
        email, correo, correo electrónico, indirizzo email, emailadres, email 1,
        email1, primary email, work email, email work
    """,
    "first_name": """
        first name, fname, given name, vorname, prénom, prenom, rufname, nombre, nome, voornaam,
        forename
    """,
    "last_name": """
        last name, lname, surname, family name, nachname, familienname, nom, apellido,
        apellidos, cognome, achternaam
    """,
    "company": """
        company, company name, organisation, organization, firma, firmenname, unternehmen,
        société, empresa, azienda, account name
    """,
    "language": """
        language, lang, locale, sprache, langue, preferred language, idioma, lingua
    """,
    _T.FULL_NAME: """
        name, full name, vollständiger name, kontakt, nom complet, display name
    """,
    _T.TAGS: """
        tags, tag, schlagworte, labels
    """,
    _T.STATUS: """
        status, subscription status, email status, opt-in status, anmeldestatus, subscriber
        status, abo status, contact status, email marketing status, state, zustand, subscription
        state, estado, stato, statut
    """,
    _T.WANTS_MAIL: """
        wants mail, wants email, wants newsletter, newsletter, accepts marketing, accepts email
        marketing, accepts newsletter, email marketing consent, marketing consent, email
        consent, subscribed, is subscribed, subscribed to emails, subscribed to email,
        subscribed to newsletter, newsletter subscribed, email subscribed, emails allowed, email
        allowed, opt in, opted in, optin, email opt in, marketing opt in, email opted in,
        newsletter opt in, receives email, receives emails, receive newsletter, receive emails,
        möchte newsletter, möchte post, newsletter ja/nein, newsletter erwünscht, newsletter
        gewünscht, erhält newsletter, newsletter abonniert, werbung erlaubt, werbung erwünscht,
        email erlaubt, email erwünscht, mailing erlaubt, werbeeinwilligung, newsletter
        einwilligung, abonniert, abonnement newsletter, accepte newsletter, accepte les emails,
        acepta marketing, acepta emails, suscrito, iscritto
    """,
    _T.OPTED_OUT: """
        unsubscribed, is unsubscribed, unsubscribe, opted out, opt-out, email opt-out,
        newsletter opt-out, has opted out of email, opted out of email, unsubscribed from
        emails, unsubscribed from all, abgemeldet, widerrufen, widersprochen, blocklisted,
        blacklisted, blacklist, blocklist, suppressed, gesperrt, sperre, werbesperre,
        mailsperre, email sperre, newsletter sperre, keine werbung, kein newsletter, keine
        email, keine mail, nicht anschreiben, email disabled, disabled, mail disabled, emails
        disabled, do not email, do not mail, do not contact, do not bulk email, donotemail, dnc,
        no email, no mail, no newsletter, désabonné, désinscrit, désinscription, baja,
        disiscritto
    """,
    _T.OPTED_OUT_AT: """
        unsubscribed at, unsubscribed on, unsubscribe date, unsub time, opted out at, opt-out
        date, opt-out at, opt-out datum, optout time, abgemeldet am, abmeldedatum, widerrufen
        am, widerruf am, date de désinscription, fecha de baja
    """,
    _T.BOUNCED: """
        bounced, hard bounced, hard bounce, gebounct, bounce, bounce reason, email bounced,
        email invalid, invalid email, unzustellbar, undeliverable
    """,
    _T.COMPLAINED: """
        complained, spam, spam report, spam complaint, marked as spam, beschwerde, complaint
    """,
    _T.CONFIRMED: """
        confirmed, email confirmed, double opt-in, doi, doi confirmed, bestätigt, doi bestätigt,
        verified, email verified
    """,
    _T.AGREED_AT: """
        confirmed at, confirmed on, confirmation date, consent date, consent at, consent given
        at, opt-in date, opt-in at, opt-in datum, opt-in time, opt-in zeitpunkt, opt-in am,
        double opt-in at, double opt-in date, double opt-in datum, doi datum, doi date, confirm
        time, bestätigt am, bestätigungsdatum, einwilligung am, einwilligungsdatum, datum der
        einwilligung, anmeldedatum, date de consentement, date opt-in, date de confirmation,
        fecha de consentimiento, fecha opt-in, fecha de confirmación, data consenso, opt-in
        timestamp, consent timestamp, opt-in zeit, datum opt-in, datum des opt-in, datum double
        opt-in, zustimmung am, zustimmungsdatum, signup date, subscription date, subscribe date,
        date du consentement, date de l'opt-in, date d'inscription, date d'abonnement, fecha del
        consentimiento, fecha del opt-in, fecha de suscripción, fecha de alta
    """,
    _T.IP: """
        ip, ip address, ip-adresse, confirm ip, consent ip, opt-in ip, doi ip, adresse ip, ip
        opt-in
    """,
    _T.HOW: """
        consent method, opt-in method, how, einwilligung durch
    """,
    _T.WORDS: """
        consent text, wording, einwilligungstext, consent wording
    """,
    _T.SYSTEM: """
        source system, system, quellsystem
    """,
    _T.PROOF: """
        proof, nachweis, evidence
    """,
}
NAMES: dict[str, str] = {
    compact(name): str(target) for target, names in _NAMES.items() for name in names.split(",")
}
# Of parts of the world and of things, too: only a column of such words tells a station.
AMBIGUOUS = frozenset({"state", "estado", "stato", "zustand"})
