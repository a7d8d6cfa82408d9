"""Record what the installed `mmcli -J` prints, for the fake and for tests without ModemManager.

    python -m agent.tests.record_mmcli

writes `recordings/mmcli-<version>/`: a modem in a network, an SMS object when it is created and
when it is sent, one that came in, a delivery report, and the complaints about refused texts.
"""

import asyncio
import json
import tempfile
from pathlib import Path

from agent.radios.base import OutgoingText
from agent.radios.mmcli import Mmcli, ModemError
from agent.tests.at_modem import HELLO, received
from agent.tests.gateway import until
from agent.tests.live_modemmanager import MODEM, ROOT, modem_in_modemmanager, told
from agent.tests.rigs import RECORDINGS

# 3GPP TS 27.005 §3.2.5; below 128 the causes of TS 24.011 §E.2
CAUSES = (1, 8, 10, 21, 27, 28, 29, 30, 38, 41, 42, 47, 50, 69, 96, 127)
REFUSALS = [
    *(f"+CMS ERROR: {n}" for n in (*CAUSES, 300, 302, 304, 310, 311, 320, 330, 331, 332, 500)),
    "+CME ERROR: 30",
    "ERROR",
]
TEXT = OutgoingText("m1", "+6591234567", "Hi there", 1)


async def record() -> None:
    """Play one text each way, and refusals."""
    mmcli = Mmcli("mmcli")
    async with modem_in_modemmanager("recorded") as modem:
        folder = RECORDINGS / f"mmcli-{'.'.join(map(str, await mmcli.version()))}"
        folder.mkdir(exist_ok=True)

        def keep(name: str, *asked: str) -> None:
            (folder / f"{name}.json").write_text(told("mmcli", "-J", *asked))

        await mmcli.enable(MODEM)
        await until(lambda: '"operator-name":"Example Mobile"' in told("mmcli", "-J", "-m", MODEM))
        await until(lambda: '"value":"64"' in told("mmcli", "-J", "-m", MODEM))
        keep("modem", "-m", MODEM)
        path = await create(mmcli)
        keep("created", "-s", path)
        await mmcli.send(path, 20)
        keep("sent", "-s", path)
        modem.report(received(1))
        await until(lambda: "SMS/1" in told("mmcli", "-J", "-m", MODEM, "--messaging-list-sms"))
        keep("report", "-s", f"{ROOT}/SMS/1")
        modem.bring(HELLO)
        await until(lambda: "SMS/2" in told("mmcli", "-J", "-m", MODEM, "--messaging-list-sms"))
        keep("received", "-s", f"{ROOT}/SMS/2")
        keep("list", "-m", MODEM, "--messaging-list-sms")
        complaints = {}
        for modem.refusal in REFUSALS:
            complaints[modem.refusal] = await complaint(mmcli, await create(mmcli))
        (folder / "refused.json").write_text(json.dumps(complaints, indent=1) + "\n")


async def create(mmcli: Mmcli) -> str:
    """An SMS object; returns its path."""
    with tempfile.TemporaryDirectory() as texts:
        return await mmcli.create(MODEM, TEXT, with_report=True, folder=Path(texts))


async def complaint(mmcli: Mmcli, path: str) -> str:
    """What mmcli says when the sending fails."""
    try:
        await mmcli.send(path, 20)
    except ModemError as error:
        return str(error)
    raise AssertionError("it was sent")


if __name__ == "__main__":
    asyncio.run(record())
