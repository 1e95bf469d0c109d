"""The texts of the public pages, in German and English, side by side."""

from __future__ import annotations

from collections.abc import Mapping

_TEXTS: Mapping[str, tuple[str, str]] = {
    "lang": ("de", "en"),
    "other_lang": ("en", "de"),
    "other_lang_name": ("English", "Deutsch"),
    "address": ("E-Mail-Adresse", "E-mail address"),
    "first_name": ("Vorname (freiwillig)", "First name (optional)"),
    "last_name": ("Nachname (freiwillig)", "Last name (optional)"),
    "leave_empty": ("Bitte leer lassen", "Please leave empty"),
    "sign_up": ("Anmelden", "Sign up"),
    "privacy": ("Datenschutz", "Privacy"),
    "next": (
        "Wir senden Ihnen eine E-Mail mit einem Link. Erst wenn Sie ihn bestätigen, sind Sie "
        "angemeldet. Abmelden können Sie sich jederzeit mit einem Klick.",
        "We send you a mail with a link. Only when you confirm it are you subscribed. You can "
        "unsubscribe at any time with one click.",
    ),
    "choose": (
        "Bitte wählen Sie mindestens eine Möglichkeit aus.",
        "Please choose at least one option.",
    ),
    "bad_address": (
        "Diese E-Mail-Adresse können wir nicht anschreiben. Bitte prüfen Sie sie: "
        "name@example.org.",
        "We cannot write to this e-mail address. Please check it: name@example.org.",
    ),
    "too_fast": (
        "Das ging sehr schnell. Bitte senden Sie das Formular noch einmal ab.",
        "That was very fast. Please send the form once more.",
    ),
    "look_title": ("Bitte sehen Sie in Ihr Postfach", "Please look into your mailbox"),
    "look_text": (
        "Wenn mit dieser Adresse eine Anmeldung möglich ist, ist eine E-Mail unterwegs. Öffnen "
        "Sie sie und bestätigen Sie die Anmeldung. Kommt in zehn Minuten nichts an, sehen Sie "
        "bitte auch im Spam-Ordner nach.",
        "If a subscription is possible with this address, a mail is on its way. Open it and "
        "confirm the subscription. If nothing has arrived in ten minutes, please look into the "
        "spam folder too.",
    ),
    "confirm_title": ("Anmeldung bestätigen", "Confirm the subscription"),
    "confirm_text": (
        "Für {address} wurde angefragt:",
        "This was asked for with {address}:",
    ),
    "confirm_button": ("Ja, ich möchte diese E-Mails", "Yes, I want these mails"),
    "not_me_button": ("Das war ich nicht", "This was not me"),
    "confirmed_title": ("Sie sind angemeldet", "You are subscribed"),
    "confirmed_text": (
        "Ihre Anmeldung ist bestätigt. Es ist nichts weiter zu tun.",
        "Your subscription is confirmed. There is nothing more to do.",
    ),
    "expired_title": ("Dieser Link ist abgelaufen", "This link has expired"),
    "expired_text": (
        "Die Angaben wurden gelöscht, weil sie nicht rechtzeitig bestätigt wurden. Wenn Sie die "
        "E-Mails möchten, melden Sie sich bitte noch einmal an.",
        "What was entered has been deleted, because it was not confirmed in time. If you want "
        "the mails, please sign up once more.",
    ),
    "ended_title": ("Diese Anmeldung gilt nicht mehr", "This subscription has ended"),
    "ended_text": (
        "Sie erhalten dazu keine E-Mails. Wenn Sie das ändern möchten, melden Sie sich bitte neu "
        "an.",
        "You get no mail from it. If you want to change that, please sign up again.",
    ),
    "unsubscribe_title": ("Abmelden", "Unsubscribe"),
    "unsubscribe_text": (
        "{address} erhält zurzeit: {list} ({purpose}).",
        "{address} gets at present: {list} ({purpose}).",
    ),
    "unsubscribe_newer": (
        "Diese E-Mail ist älter als Ihre jetzige Anmeldung. Der Knopf beendet die jetzige.",
        "This mail is older than your present subscription. The button ends the present one.",
    ),
    "unsubscribe_button": ("Jetzt abmelden", "Unsubscribe now"),
    "unsubscribed_title": ("Sie sind abgemeldet", "You are unsubscribed"),
    "unsubscribed_text": (
        "Ab sofort geht dazu keine E-Mail mehr an Sie. War es ein Versehen oder wurde Ihnen die "
        "E-Mail weitergeleitet? Eine neue Anmeldung ist jederzeit möglich und wird wieder per "
        "E-Mail bestätigt.",
        "From now on no mail of it goes to you. Was it a mistake, or was the mail forwarded to "
        "you? A new subscription is possible at any time and is confirmed by mail again.",
    ),
    "preferences_title": ("Ihre E-Mails von uns", "Your mails from us"),
    "preferences_text": (
        "{address} ist angemeldet zu:",
        "{address} is subscribed to:",
    ),
    "preferences_none": (
        "Zu dieser Adresse gibt es keine Anmeldung.",
        "There is no subscription for this address.",
    ),
    "preferences_hint": (
        "Nehmen Sie den Haken weg, wo Sie nichts mehr möchten.",
        "Untick what you no longer want.",
    ),
    "save": ("Speichern", "Save"),
    "all_off": ("Von allem abmelden", "Unsubscribe from everything"),
    "saved": ("Gespeichert.", "Saved."),
    "error_title": ("Das hat nicht geklappt", "That did not work"),
    "error_link": (
        "Diesen Link gibt es nicht. Bitte öffnen Sie ihn direkt aus der E-Mail; manche Programme "
        "schneiden lange Links ab.",
        "There is no such link. Please open it directly from the mail; some programs cut long "
        "links.",
    ),
    "error_400": ("Die Anfrage war nicht lesbar.", "The request could not be read."),
    "error_403": ("Das ist hier nicht erlaubt.", "That is not allowed here."),
    "error_404": (
        "Diese Seite gibt es nicht (mehr). Bitte prüfen Sie die Adresse.",
        "There is no such page (any more). Please check the address.",
    ),
    "error_405": ("So lässt sich die Seite nicht öffnen.", "The page cannot be opened like this."),
    "error_413": ("Das war zu viel Text.", "That was too much text."),
    "error_429": (
        "Zu viele Anfragen auf einmal. Bitte versuchen Sie es in einer Stunde wieder.",
        "Too many requests at once. Please try again in an hour.",
    ),
    "error_500": (
        "Bei uns ist ein Fehler aufgetreten. Bitte versuchen Sie es gleich noch einmal.",
        "Something went wrong on our side. Please try again in a moment.",
    ),
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {key: german for key, (german, _) in _TEXTS.items()},
    "en": {key: english for key, (_, english) in _TEXTS.items()},
}
