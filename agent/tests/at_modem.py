"""A modem that speaks AT commands (3GPP TS 27.005, 27.007), as much as libgammu and ModemManager
ask for. It has one SIM card with room for texts, in PDU mode."""

import re
import threading

from agent.tests.at_ports import Port, Terminal

OPERATOR = {"0": '+COPS: 0,0,"Example Mobile",7', "2": '+COPS: 0,2,"52501",7'}  # name, number
ANSWERS = {
    "AT+CGMI": "Example",
    "AT+CGMM": "X1",
    "AT+CGMR": "R1",
    "AT+CGSN": "350000000000001",
    "AT+CPIN?": "+CPIN: READY",
    "AT+CSQ": "+CSQ: 20,0",
    "AT+CREG?": '+CREG: 2,1,"00A1","00B2"',
    "AT+COPS?": OPERATOR["2"],
    "AT+CSCA?": '+CSCA: "+6590000000",145',
    "AT+CPMS=?": '+CPMS: ("SM"),("SM"),("SM")',
    "AT+CSCS=?": '+CSCS: ("IRA","GSM","UCS2")',
    "AT+CSCS?": '+CSCS: "IRA"',
    "AT+CMGF=?": "+CMGF: (0,1)",
    "AT+CNMI=?": "+CNMI: (0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
    "AT+CSMS?": "+CSMS: 0,1,1,1",
    "AT+CPBS=?": '+CPBS: ("SM","ON")',
    "AT+CPBR=?": "+CPBR: (1-5),20,14",
    "ATI": "Example X1",
    "AT+GCAP": "+GCAP: +CGSM",
    "AT+CIMI": "525010000000001",
    "AT+CFUN?": "+CFUN: 1",
    "AT+CRSM=176,12258,0,0,10": '+CRSM: 144,0,"98561032547698103254"',  # the SIM card's number
    "AT+CREG=?": "+CREG: (0-2)",
    "AT+CGREG=?": "+CGREG: (0-2)",
    "AT+CGREG?": '+CGREG: 2,1,"00A1","00B2",7',
    "AT+CNUM": '+CNUM: "own","+6581239901",145',
    "AT+WS46=?": "+WS46: (22)",
    "AT+CGDCONT=?": '+CGDCONT: (1-16),"IP",,,(0),(0)',
    "AT+CPBR=1": '+CPBR: 1,"+6581239901",145,"own"',
}
SETTINGS = re.compile(
    r"AT$|AT[EZVX]|AT&C|ATH|AT\+(CFUN|CMEE|CSCS|CMGF|CNMI|CSMS|CREG|CGREG|COPS|CPBS|CPMS)="
)
OK, ERROR = "\r\nOK\r\n", "\r\nERROR\r\n"
# A TPDU with its SMSC: SMS-DELIVER "Hello" from +6581110000 at 10:00 in UTC+8.
HELLO = "0791560900000000040A915618110000000062111201000023" + "05C8329BFD06"


class AtModem:
    """`with AtModem() as modem`; `path` is its port, `sent` the PDUs that left."""

    def __init__(self, port: Port | None = None) -> None:
        self._port = port or Terminal()
        self.path = self._port.path
        self.answers = dict(ANSWERS)
        self.sent: list[str] = []
        self.stored: dict[int, str] = {}
        self.hangs = False  # take the text, send it, and say nothing any more
        self.refusal = ""  # such as "+CMS ERROR: 331", instead of sending
        self._has_echo = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "AtModem":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._port.close()

    def bring(self, pdu: str) -> None:
        """A text comes in: store it and say so."""
        index = max(self.stored, default=0) + 1
        self.stored[index] = pdu
        self._say(f'\r\n+CMTI: "SM",{index}\r\n')

    def report(self, pdu: str) -> None:
        """A delivery report comes in, which is not stored."""
        self._say(f"\r\n+CDS: {_length(pdu)}\r\n{pdu}\r\n")

    def lose_network(self) -> None:
        """Out of reach; it looks for another network."""
        for what in ("CREG", "CGREG"):
            self.answers[f"AT+{what}?"] = f"+{what}: 2,2"
            self._say(f"\r\n+{what}: 2\r\n")

    def _serve(self) -> None:
        line = b""
        while not self._stop.is_set():
            for byte in self._port.read():
                character = bytes([byte])
                if self._has_echo:
                    self._port.write(character)
                if character == b"\x1a":
                    self._send(line.decode().strip())
                elif character == b"\r" and line.strip():
                    self._say(self._answer(line.decode().strip()))
                line = b"" if character in b"\r\x1a\x1b" else line + character

    def _say(self, words: str) -> None:
        self._port.write(words.encode())

    def _send(self, pdu: str) -> None:
        if self.refusal:
            self._say(f"\r\n{self.refusal}\r\n")
            return
        self.sent.append(pdu)
        if not self.hangs:
            self._say(f"\r\n+CMGS: {len(self.sent) % 256}\r\n{OK}")

    def _answer(self, command: str) -> str:
        if command.startswith("ATE"):
            self._has_echo = command != "ATE0"
        if found := re.fullmatch(r"AT\+COPS=3,([02])", command):
            self.answers["AT+COPS?"] = OPERATOR[found[1]]
        if command in self.answers:
            return f"\r\n{self.answers[command]}\r\n{OK}"
        if command.startswith("AT+CMGS="):
            return "\r\n> "
        if command == "AT+CPMS?":
            memory = f'"SM",{len(self.stored)},20'
            return f"\r\n+CPMS: {memory},{memory},{memory}\r\n{OK}"
        if command.startswith("AT+CMGL"):
            lines = [f"+CMGL: {n},1,,{_length(pdu)}\r\n{pdu}" for n, pdu in self.stored.items()]
            return "\r\n" + "\r\n".join(lines) + f"\r\n{OK}"
        if found := re.fullmatch(r"AT\+CMG([RD])=(\d+)", command):
            return self._read_or_delete(found[1], int(found[2]))
        return OK if SETTINGS.match(command) else ERROR

    def _read_or_delete(self, what: str, index: int) -> str:
        if index not in self.stored:
            return "\r\n+CMS ERROR: 321\r\n"
        if what == "D":
            del self.stored[index]
            return OK
        pdu = self.stored[index]
        return f"\r\n+CMGR: 1,,{_length(pdu)}\r\n{pdu}\r\n{OK}"


def received(reference: int) -> str:
    """An SMS-STATUS-REPORT: the text to +6591234567 with this reference was received."""
    return f"079156090000000006{reference:02X}0A9156193254766211120100002362111201000023" + "00"


def _length(pdu: str) -> int:
    """Octets without the SMSC in front."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)
