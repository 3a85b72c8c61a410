"""The far end of a PSTN call: pyVoIP, told what to do on standard input, telling what it sees on standard output.

A witness with a SIP, RTP and G.711 of its own, behind the trunk side of the bench. It is a program of its own and no
part of the package: pyVoIP is under the GPL. One JSON object a line each way.

Orders: ``{"do": "call", "number": N}``, ``{"do": "play", "tone_hz": F}``, and ``announce``, ``answer``, ``refuse``,
``hangup`` and ``drop`` without more. What it tells: ``{"saw": S, ...}`` with S one of ``ready``, ``unavailable``,
``called``, ``answered``, ``heard``, ``digit``, ``ended``, ``failed``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from pyVoIP.RTP import RTPPacketManager

    # In this order: the modules import each other in a circle.
    from pyVoIP.VoIP.VoIP import SIP, CallState, VoIPCall, VoIPPhone
except ImportError as problem:
    print(json.dumps({"saw": "unavailable", "reason": f"{problem}"}), flush=True)  # noqa: T201
    sys.exit(3)

RATE = 8000
FRAME = 160
SILENCE = b"\x80" * FRAME
"What pyVoIP gives where nothing came: samples are unsigned, 8 bits."
WINDOW = 800
"Samples of 100 ms."
PLAYED_S = 60
AMPLITUDE = 32
"-12 dBFS of 8 bits."
TURN_S = 0.01
AUDIO_S = 2.0
REPEAT_S = 0.5
"How often a tone that goes on is told."
QUIET_DBFS = -50.0

_out = threading.Lock()


def tell(saw: str, **what: object) -> None:
    """Write one thing that was seen."""
    with _out:
        print(json.dumps({"saw": saw, **what}), flush=True)  # noqa: T201


class Prompt(threading.Timer):
    """A timer of pyVoIP's, which begins to listen a second after its start: at once. One loop alone may listen, since
    two leave each other's socket blocking with the lock held."""

    def __init__(self, interval: float, function: Callable[..., object]) -> None:
        super().__init__(0 if function.__name__ == "recv_loop" else interval, function)
        self.daemon = True


SIP.Timer = Prompt


class FarEnd(VoIPPhone):  # type: ignore[misc]
    """A phone with one call."""

    def __init__(self, **about: Any) -> None:
        super().__init__(callCallback=lambda call: None, **about)
        self.current: VoIPCall | None = None
        self._announcing = False

    def _create_Call(self, request: Any, sess_id: int) -> None:
        # Here and not in the callback, for which pyVoIP waits a second.
        super()._create_Call(request, sess_id)
        call = self.calls[request.headers["Call-ID"]]
        self._takes(call)
        caller = request.headers["From"]
        tell("called", caller=caller["number"] or "", name=caller["caller"].strip())

    def calls_number(self, number: str) -> None:
        """Place a call; the order for it is answered by what is seen."""
        self._takes(self.call(number))

    def _takes(self, call: VoIPCall) -> None:
        self.current, self._announcing = call, False
        threading.Thread(target=Listener(call).run, daemon=True).start()

    def announce(self) -> None:
        """183 with a description, and audio from then on, before the call is answered: pyVoIP has no word for it."""
        call = self._ringing()
        self._send_answer(call, "183 Session Progress", call.gen_ms())
        self._announcing = True

    def answer(self) -> None:
        """200 to the call that rings."""
        call = self._ringing()
        if not self._announcing:
            call.answer()
            return
        # Its audio is up already: what starts it again would not find the port free.
        self._send_answer(call, "200 OK", {client.inPort: client.assoc for client in call.RTPClients})
        call.state = CallState.ANSWERED

    def refuse(self) -> None:
        """486 to the call that rings."""
        call = self._ringing()
        if not self._announcing:
            call.RTPClients.clear()
        call.deny()

    def hangup(self) -> None:
        """End the call."""
        if self.current is not None:
            self.current.hangup()

    def drop(self) -> None:
        """Be rid of a call that was left."""
        if self.current is not None and self.current.state == CallState.RINGING:
            self.refuse()
        elif self.current is not None and self.current.state == CallState.ANSWERED:
            self.current.hangup()

    def play(self, tone_hz: int) -> None:
        """Play a tone from now on. It is a multiple of 20 Hz, so that 400 samples are whole periods."""
        call = self.current
        if call is None:
            raise RuntimeError("there is no call")
        until = time.monotonic() + AUDIO_S
        # pyVoIP has no audio before it took the answer, and does not tell when it has.
        while not call.RTPClients and time.monotonic() < until:
            time.sleep(TURN_S)
        period = 400
        wave = bytes(
            round(128 + AMPLITUDE * math.sin(2 * math.pi * tone_hz * number / RATE)) for number in range(period)
        )
        for client in call.RTPClients:
            client.pmout = RTPPacketManager()
            client.write(wave * (PLAYED_S * RATE // period))

    def _ringing(self) -> VoIPCall:
        if self.current is None or self.current.state != CallState.RINGING:
            raise RuntimeError("no call rings")
        return self.current

    def _send_answer(self, call: VoIPCall, status: str, ports: dict[int, Any]) -> None:
        message = self.sip.gen_answer(call.request, call.session_id, ports, call.sendmode)
        message = message.replace("SIP/2.0 200 OK", f"SIP/2.0 {status}", 1)
        self.sip.out.sendto(message.encode(), (self.server, self.port))


class Listener:
    """Tells what comes of one call: what is heard, which digits, its end."""

    def __init__(self, call: VoIPCall) -> None:
        self._call = call
        self._heard = b""
        self._last = (0, 0.0)
        "The tone that was told last, and when."

    def run(self) -> None:
        """Until the call is over."""
        answered = False
        while self._call.state != CallState.ENDED:
            if self._call.state == CallState.ANSWERED and not answered:
                answered = True
                tell("answered")
            if self._call.RTPClients:
                self._listen()
            time.sleep(TURN_S)
        tell("ended")

    def _listen(self) -> None:
        while digit := self._call.get_dtmf():
            tell("digit", digit=digit)
        while (frame := self._call.RTPClients[0].read(FRAME, blocking=False)) != SILENCE:
            self._heard += frame
            if len(self._heard) >= WINDOW:
                self._tell(tone_of(self._heard[:WINDOW]))
                self._heard = b""

    def _tell(self, tone: tuple[float, float, float]) -> None:
        hz, level, purity = tone
        rounded = round(hz / 10) if level > QUIET_DBFS else 0
        told, at = self._last
        now = time.monotonic()
        if rounded != told or now - at >= REPEAT_S:
            self._last = rounded, now
            tell("heard", hz=round(hz, 1), level_dbfs=round(level, 1), purity=round(purity, 3))


def tone_of(samples: bytes) -> tuple[float, float, float]:
    """(Hz, dBFS, share of the energy) of the strongest tone of 100 ms: bins are 10 Hz apart."""
    wave = np.frombuffer(samples, np.uint8).astype(float) - 128
    wave -= wave.mean()
    energy = np.abs(np.fft.rfft(wave)) ** 2
    total = float(energy[2:].sum())
    if not total:
        return 0.0, -120.0, 0.0
    peak = int(np.argmax(energy[2:])) + 2
    own = float(energy[peak - 1 : peak + 2].sum())
    level = 20 * math.log10(2 * math.sqrt(own) / len(wave) / 128)
    return peak * RATE / len(wave), level, own / total


def obey(phone: FarEnd, order: dict[str, Any]) -> None:
    """Do one order."""
    orders: dict[str, Callable[[], None]] = {
        "call": lambda: phone.calls_number(order["number"]),
        "play": lambda: phone.play(int(order["tone_hz"])),
        "announce": phone.announce,
        "answer": phone.answer,
        "refuse": phone.refuse,
        "hangup": phone.hangup,
        "drop": phone.drop,
    }
    try:
        orders[order["do"]]()
    except Exception as problem:  # noqa: BLE001 - whatever pyVoIP stumbles over is for the bench to know
        tell("failed", do=order["do"], reason=f"{type(problem).__name__}: {problem}")


def main() -> None:
    """Register at the trunk, then obey until the input ends."""
    arguments = argparse.ArgumentParser()
    for name in ("--address", "--server", "--number"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--port", type=int, required=True, help="of SIP, at both ends")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    phone = FarEnd(
        server=given.server,
        port=given.port,
        username=given.number,
        password="",
        myIP=given.address,
        sipPort=given.port,
    )
    phone.start()
    tell("ready")
    for line in sys.stdin:
        obey(phone, json.loads(line))
    # Its threads do not end by themselves, and nobody is left to tell.
    os._exit(0)


if __name__ == "__main__":
    main()
