"""The words with which people end, resume and explain the messages that they get.

English has the opt-out words of the CTIA's Messaging Principles and of 47 CFR 64.1200(a)(10). YES
is no start word, although some carriers take it for one: people answer questions with it. STOP,
START and HELP are understood in every language.

The texts keep to the GSM-7 alphabet wherever the language can be written in it: a text of other
letters has 70 characters to a segment instead of 160.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

DEFAULT_LANGUAGE = "en"


class Keyword(StrEnum):
    """In the order in which they are looked for: what could mean STOP does."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class Language(NamedTuple):
    """The words of one language, separated by commas, and what is answered to each kind."""

    stop: str
    start: str
    help: str
    stop_text: str
    start_text: str
    help_text: str


# By ISO 639-1 code. Words are compared folded (see `fold`); accents that people leave out on a
# phone have a word of their own.
LANGUAGES: dict[str, Language] = {
    "en": Language(
        "STOP, STOPALL, STOP ALL, UNSUBSCRIBE, CANCEL, END, QUIT, OPTOUT, OPT OUT, REVOKE",
        "START, UNSTOP",
        "HELP, INFO",
        "{{tenantName}}: You will get no more messages from us. Reply START to get them again.",
        "{{tenantName}}: You will get our messages again. Reply STOP to end them, HELP for help.",
        "{{tenantName}}: Reply STOP to get no more messages, START to get them again.",
    ),
    "ar": Language(
        "STOP, توقف, إيقاف, ايقاف, إلغاء, الغاء",
        "START, ابدأ, ابدا",
        "HELP, مساعدة",
        "{{tenantName}}: لن نرسل إليك رسائل أخرى. أرسل START لتلقيها من جديد.",
        "{{tenantName}}: سنرسل إليك رسائلنا من جديد. أرسل STOP لإيقافها أو HELP للمساعدة.",
        "{{tenantName}}: أرسل STOP لإيقاف الرسائل أو START لتلقيها من جديد.",
    ),
    "cs": Language(
        "STOP, KONEC, ZRUŠIT, ZRUSIT, ODHLÁSIT, ODHLASIT",
        "START, OBNOVIT",
        "HELP, INFO, POMOC",
        "{{tenantName}}: Zprávy vám už nebudeme posílat. Pro obnovení odpovězte START.",
        "{{tenantName}}: Zprávy vám budeme znovu posílat. Pro ukončení odpovězte STOP.",
        "{{tenantName}}: Odpovězte STOP pro ukončení zpráv, START pro jejich obnovení.",
    ),
    "da": Language(
        "STOP, AFMELD, SLUT",
        "START, TILMELD",
        "HELP, INFO, HJÆLP, HJAELP",
        "{{tenantName}}: Du får ikke flere beskeder fra os. Svar START for at få dem igen.",
        "{{tenantName}}: Du får vores beskeder igen. Svar STOP for at slippe, HJÆLP for hjælp.",
        "{{tenantName}}: Svar STOP for ikke at få flere beskeder, START for at få dem igen.",
    ),
    "de": Language(
        "STOP, STOPP, ABMELDEN, ABBESTELLEN, AUSTRAGEN",
        "START, ANMELDEN",
        "HELP, INFO, HILFE",
        "{{tenantName}}: Sie erhalten keine Nachrichten mehr von uns. Mit START erhalten Sie sie"
        " wieder.",
        "{{tenantName}}: Sie erhalten wieder Nachrichten von uns. Mit STOP enden sie, mit HILFE"
        " erhalten Sie Hilfe.",
        "{{tenantName}}: Antworten Sie STOP, um keine Nachrichten mehr zu erhalten, oder START, um"
        " sie wieder zu erhalten.",
    ),
    "el": Language(
        "STOP, ΣΤΟΠ, ΔΙΑΚΟΠΗ, ΔΙΑΚΟΠΉ",
        "START, ΕΝΑΡΞΗ, ΈΝΑΡΞΗ",
        "HELP, INFO, ΒΟΗΘΕΙΑ, ΒΟΉΘΕΙΑ",
        "{{tenantName}}: Δεν θα λαμβάνετε άλλα μηνύματα. Απαντήστε START για να τα λαμβάνετε ξανά.",
        "{{tenantName}}: Θα λαμβάνετε ξανά τα μηνύματά μας. Απαντήστε STOP για διακοπή.",
        "{{tenantName}}: Απαντήστε STOP για διακοπή των μηνυμάτων ή START για επανέναρξη.",
    ),
    "es": Language(
        "STOP, ALTO, BAJA, PARAR, CANCELAR",
        "START, ALTA, INICIAR",
        "HELP, INFO, AYUDA",
        "{{tenantName}}: Ya no le enviaremos mensajes. Responda ALTA para recibirlos de nuevo.",
        "{{tenantName}}: Le enviaremos mensajes de nuevo. Responda BAJA para no recibirlos, AYUDA"
        " para obtener ayuda.",
        "{{tenantName}}: Responda BAJA para no recibir mensajes, ALTA para recibirlos de nuevo.",
    ),
    "fi": Language(
        "STOP, LOPETA, PERUUTA, POISTU",
        "START, ALOITA, JATKA",
        "HELP, INFO, OHJE, APUA",
        "{{tenantName}}: Et saa meiltä enää viestejä. Vastaa START, niin saat niitä taas.",
        "{{tenantName}}: Saat taas viestejämme. Vastaa STOP, jos et halua niitä.",
        "{{tenantName}}: Vastaa STOP, jos et halua viestejä, tai START, jos haluat niitä taas.",
    ),
    "fr": Language(
        "STOP, ARRÊT, ARRET, ARRÊTER, ARRETER, DÉSABONNER, DESABONNER",
        "START, REPRENDRE",
        "HELP, INFO, AIDE",
        "{{tenantName}} : vous ne recevrez plus nos messages. Envoyez START pour les recevoir de"
        " nouveau.",
        "{{tenantName}} : vous recevrez de nouveau nos messages. Envoyez STOP pour ne plus les"
        " recevoir, AIDE pour de l'aide.",
        "{{tenantName}} : envoyez STOP pour ne plus recevoir nos messages, START pour les recevoir"
        " de nouveau.",
    ),
    "he": Language(
        "STOP, הסר, הסרה, עצור",
        "START, התחל",
        "HELP, עזרה",
        "{{tenantName}}: לא נשלח לך הודעות נוספות. כדי לקבל אותן שוב, יש להשיב START.",
        "{{tenantName}}: נשלח לך שוב הודעות. כדי להפסיק, יש להשיב הסר.",
        "{{tenantName}}: כדי לא לקבל הודעות יש להשיב הסר, וכדי לקבל אותן שוב START.",
    ),
    "hu": Language(
        "STOP, LEIRATKOZÁS, LEIRATKOZAS, LEIRATKOZOM",
        "START",
        "HELP, INFO, SEGÍTSÉG, SEGITSEG",
        "{{tenantName}}: Nem küldünk több üzenetet. Ha újra kéri őket, válasza legyen START.",
        "{{tenantName}}: Újra küldünk üzeneteket. Ha nem kéri őket, válasza legyen STOP.",
        "{{tenantName}}: A STOP válasszal leállítja, a START válasszal újra kéri az üzeneteket.",
    ),
    "id": Language(
        "STOP, BERHENTI, BATAL",
        "START, MULAI",
        "HELP, INFO, BANTUAN",
        "{{tenantName}}: Anda tidak akan menerima pesan lagi dari kami. Balas MULAI untuk"
        " menerimanya kembali.",
        "{{tenantName}}: Anda akan menerima pesan kami lagi. Balas BERHENTI untuk menghentikannya.",
        "{{tenantName}}: Balas BERHENTI untuk menghentikan pesan, MULAI untuk menerimanya kembali.",
    ),
    "it": Language(
        "STOP, ANNULLA, CANCELLA, DISISCRIVI, BASTA",
        "START, INIZIA, RIPRENDI",
        "HELP, INFO, AIUTO",
        "{{tenantName}}: Non riceverà più i nostri messaggi. Risponda START per riceverli di"
        " nuovo.",
        "{{tenantName}}: Riceverà di nuovo i nostri messaggi. Risponda STOP per non riceverli,"
        " AIUTO per assistenza.",
        "{{tenantName}}: Risponda STOP per non ricevere messaggi, START per riceverli di nuovo.",
    ),
    "ja": Language(
        "STOP, ストップ, 停止, 配信停止, 解除",
        "START, スタート, 再開",
        "HELP, ヘルプ",
        "{{tenantName}}: 今後メッセージをお送りしません。再開するには「再開」とご返信ください。",
        "{{tenantName}}: メッセージの送信を再開します。停止するには「停止」とご返信ください。",
        "{{tenantName}}: 停止するには「停止」、再開するには「再開」とご返信ください。",
    ),
    "ko": Language(
        "STOP, 중지, 거부, 수신거부",
        "START, 시작",
        "HELP, 도움말",
        "{{tenantName}}: 더 이상 메시지를 보내지 않습니다. 다시 받으려면 '시작'이라고 답장하세요.",
        "{{tenantName}}: 메시지를 다시 보내 드립니다. 받지 않으려면 '중지'라고 답장하세요.",
        "{{tenantName}}: 받지 않으려면 '중지', 다시 받으려면 '시작'이라고 답장하세요.",
    ),
    "ms": Language(
        "STOP, BERHENTI, BATAL",
        "START, MULA",
        "HELP, INFO, BANTUAN",
        "{{tenantName}}: Anda tidak akan menerima mesej lagi daripada kami. Balas MULA untuk"
        " menerimanya semula.",
        "{{tenantName}}: Anda akan menerima mesej kami semula. Balas BERHENTI untuk"
        " menghentikannya.",
        "{{tenantName}}: Balas BERHENTI untuk menghentikan mesej, MULA untuk menerimanya semula.",
    ),
    "nb": Language(
        "STOP, STOPP, AVSLUTT, AVMELD",
        "START",
        "HELP, INFO, HJELP",
        "{{tenantName}}: Du får ikke flere meldinger fra oss. Svar START for å få dem igjen.",
        "{{tenantName}}: Du får meldingene våre igjen. Svar STOPP for å slippe, HJELP for hjelp.",
        "{{tenantName}}: Svar STOPP for ikke å få flere meldinger, START for å få dem igjen.",
    ),
    "nl": Language(
        "STOP, STOPPEN, AFMELDEN, UITSCHRIJVEN",
        "START, AANMELDEN",
        "HELP, INFO, HULP",
        "{{tenantName}}: U ontvangt geen berichten meer van ons. Antwoord START om ze weer te"
        " ontvangen.",
        "{{tenantName}}: U ontvangt weer berichten van ons. Antwoord STOP om ze niet meer te"
        " ontvangen, HULP voor hulp.",
        "{{tenantName}}: Antwoord STOP om geen berichten meer te ontvangen, START om ze weer te"
        " ontvangen.",
    ),
    "pl": Language(
        "STOP, KONIEC, WYPISZ, ANULUJ, REZYGNUJĘ, REZYGNUJE",
        "START, WZNÓW, WZNOW",
        "HELP, INFO, POMOC",
        "{{tenantName}}: Nie wyślemy już więcej wiadomości. Aby znów je otrzymywać, odpisz START.",
        "{{tenantName}}: Znów będziemy wysyłać wiadomości. Aby zrezygnować, odpisz STOP.",
        "{{tenantName}}: Odpisz STOP, aby zrezygnować z wiadomości, lub START, aby do nich wrócić.",
    ),
    "pt": Language(
        "STOP, PARAR, SAIR, CANCELAR",
        "START, INICIAR, VOLTAR",
        "HELP, INFO, AJUDA",
        "{{tenantName}}: Deixaremos de enviar mensagens. Responda VOLTAR para receber de novo.",
        "{{tenantName}}: Voltaremos a enviar mensagens. Responda SAIR para deixar de receber, AJUDA"
        " para obter ajuda.",
        "{{tenantName}}: Responda SAIR para deixar de receber mensagens, VOLTAR para receber de"
        " novo.",
    ),
    "ro": Language(
        "STOP, OPREȘTE, OPRESTE, DEZABONARE",
        "START",
        "HELP, INFO, AJUTOR",
        "{{tenantName}}: Nu veți mai primi mesaje de la noi. Răspundeți START ca să le primiți din"
        " nou.",
        "{{tenantName}}: Veți primi din nou mesajele noastre. Răspundeți STOP ca să nu le primiți.",
        "{{tenantName}}: Răspundeți STOP ca să nu primiți mesaje, START ca să le primiți din nou.",
    ),
    "ru": Language(
        "STOP, СТОП, ОТПИСКА, ОТПИСАТЬСЯ, ОТМЕНА",
        "START, СТАРТ",
        "HELP, INFO, ПОМОЩЬ, ИНФО",
        "{{tenantName}}: Мы больше не будем присылать сообщения. Чтобы снова получать их, ответьте"
        " СТАРТ.",
        "{{tenantName}}: Мы снова будем присылать сообщения. Чтобы отказаться, ответьте СТОП.",
        "{{tenantName}}: Ответьте СТОП, чтобы не получать сообщения, или СТАРТ, чтобы снова их"
        " получать.",
    ),
    "sv": Language(
        "STOP, STOPP, SLUTA, AVSLUTA, AVREGISTRERA",
        "START, STARTA",
        "HELP, INFO, HJÄLP, HJALP",
        "{{tenantName}}: Du får inga fler meddelanden från oss. Svara START för att få dem igen.",
        "{{tenantName}}: Du får våra meddelanden igen. Svara STOPP för att slippa, HJÄLP för"
        " hjälp.",
        "{{tenantName}}: Svara STOPP för att inte få meddelanden, START för att få dem igen.",
    ),
    "tr": Language(
        "STOP, DUR, DURDUR, İPTAL, IPTAL, RET",
        "START, BAŞLAT, BASLAT",
        "HELP, YARDIM, yardım",
        "{{tenantName}}: Size artık mesaj göndermeyeceğiz. Yeniden almak için START yazın.",
        "{{tenantName}}: Size yeniden mesaj göndereceğiz. Almamak için RET yazın.",
        "{{tenantName}}: Mesaj almamak için RET, yeniden almak için START yazın.",
    ),
    "uk": Language(
        "STOP, СТОП, ВІДПИСКА, ВІДПИСАТИСЯ, СКАСУВАТИ",
        "START, СТАРТ",
        "HELP, INFO, ДОПОМОГА, ІНФО",
        "{{tenantName}}: Ми більше не надсилатимемо повідомлень. Щоб знову їх отримувати,"
        " відповідайте СТАРТ.",
        "{{tenantName}}: Ми знову надсилатимемо повідомлення. Щоб відмовитися, відповідайте СТОП.",
        "{{tenantName}}: Відповідайте СТОП, щоб не отримувати повідомлень, або СТАРТ, щоб знову їх"
        " отримувати.",
    ),
    "zh": Language(
        "STOP, TD, 退订, 退訂, 停止",
        "START, 恢复, 恢復, 订阅, 訂閱",
        "HELP, 帮助, 幫助",
        "{{tenantName}}：我们不会再向您发送短信。如需恢复接收，请回复“恢复”。",
        "{{tenantName}}：我们将恢复向您发送短信。如需停止接收，请回复“退订”。",
        "{{tenantName}}：停止接收短信请回复“退订”，恢复接收请回复“恢复”。",
    ),
}


def find_keyword(
    text: str,
    *,
    languages: Sequence[str] = (),
    more: Mapping[Keyword, Sequence[str]] | None = None,
) -> Keyword | None:
    """What `text` asks for, when all of it is one of the words; else None.

    `languages` are keys of LANGUAGES, none = English; `more` are words of the tenant's own.
    """
    word = fold(text)
    if not word:
        return None
    for keyword in Keyword:
        if any(word in _WORDS[language][keyword] for language in _known(languages)):
            return keyword
        if more and any(word == fold(own) for own in more.get(keyword, ())):
            return keyword
    return None


def default_text(keyword: Keyword, languages: Sequence[str] = ()) -> str:
    """What is answered in the first of `languages`, with `{{tenantName}}` in it."""
    language = LANGUAGES[next(iter(_known(languages)))]
    texts: Iterable[str] = (language.stop_text, language.start_text, language.help_text)
    return dict(zip(Keyword, texts, strict=True))[keyword]


def fold(text: str) -> str:
    """`text` as words are compared: without case, styles of letters and what surrounds it.

    That is Unicode's compatibility caseless match (The Unicode Standard, 3.13, D146), after
    punctuation, spaces and what cannot be seen are taken from both ends. "«Stop!»" is "stop".
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    start, end = 0, len(folded)
    while start < end and _surrounds(folded[start]):
        start += 1
    while end > start and _surrounds(folded[end - 1]):
        end -= 1
    return folded[start:end]


def _surrounds(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "PZ" or category in ("Cc", "Cf")


def _known(languages: Sequence[str]) -> Sequence[str]:
    return [code for code in languages if code in LANGUAGES] or [DEFAULT_LANGUAGE]


_WORDS: dict[str, dict[Keyword, frozenset[str]]] = {
    code: {
        Keyword.STOP: frozenset(map(fold, language.stop.split(","))),
        Keyword.START: frozenset(map(fold, language.start.split(","))),
        Keyword.HELP: frozenset(map(fold, language.help.split(","))),
    }
    for code, language in LANGUAGES.items()
}
