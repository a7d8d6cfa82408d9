"""A modem that speaks AT commands (3GPP TS 27.005, 27.007) on a pseudo terminal, as much as
libgammu asks for. It has one SIM card with room for texts, in PDU mode."""

import os
import pty
import re
import select
import threading
import tty

ANSWERS = {
    "AT+CGMI": "Example",
    "AT+CGMM": "X1",
    "AT+CGMR": "R1",
    "AT+CGSN": "350000000000001",
    "AT+CPIN?": "+CPIN: READY",
    "AT+CSQ": "+CSQ: 20,0",
    "AT+CREG?": '+CREG: 2,1,"00A1","00B2"',
    "AT+COPS?": '+COPS: 0,2,"52501"',
    "AT+CSCA?": '+CSCA: "+6590000000",145',
    "AT+CPMS=?": '+CPMS: ("SM"),("SM"),("SM")',
    "AT+CSCS=?": '+CSCS: ("IRA","GSM","UCS2")',
    "AT+CSCS?": '+CSCS: "IRA"',
    "AT+CMGF=?": "+CMGF: (0,1)",
    "AT+CNMI=?": "+CNMI: (0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
    "AT+CSMS?": "+CSMS: 0,1,1,1",
    "AT+CPBS=?": '+CPBS: ("SM","ON")',
    "AT+CPBR=?": "+CPBR: (1-5),20,14",
    "AT+CPBR=1": '+CPBR: 1,"+6581239901",145,"own"',
}
SETTINGS = re.compile(r"AT$|ATE|ATZ|AT\+(CMEE|CSCS|CMGF|CNMI|CSMS|CREG|CGREG|COPS|CPBS|CPMS)=")
OK, ERROR = "\r\nOK\r\n", "\r\nERROR\r\n"
# TPDUs with their SMSC: SMS-DELIVER "Hello" from +6581110000 at 10:00 in UTC+8, and
# SMS-STATUS-REPORT "received" on reference 1 to +6591234567.
HELLO = "0791560900000000040A915618110000000062111201000023" + "05C8329BFD06"
RECEIVED_1 = "079156090000000006010A9156193254766211120100002362111201000023" + "00"


class AtModem:
    """`with AtModem() as modem`; `path` is its port, `sent` the PDUs that left."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.sent: list[str] = []
        self.stored: dict[int, str] = {}
        self.hangs = False  # take the text, send it, and say nothing any more
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "AtModem":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)

    def _serve(self) -> None:
        line = b""
        while not self._stop.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            for byte in os.read(self._master, 1000):
                character = bytes([byte])
                os.write(self._master, character)  # the echo
                if character == b"\x1a":
                    self._send(line.decode().strip())
                elif character == b"\r" and line.strip():
                    self._say(self._answer(line.decode().strip()))
                line = b"" if character in b"\r\x1a\x1b" else line + character

    def _say(self, words: str) -> None:
        os.write(self._master, words.encode())

    def _send(self, pdu: str) -> None:
        self.sent.append(pdu)
        if not self.hangs:
            self._say(f"\r\n+CMGS: {len(self.sent) % 256}\r\n{OK}")

    def _answer(self, command: str) -> str:
        if command in ANSWERS:
            return f"\r\n{ANSWERS[command]}\r\n{OK}"
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


def _length(pdu: str) -> int:
    """Octets without the SMSC in front."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)
