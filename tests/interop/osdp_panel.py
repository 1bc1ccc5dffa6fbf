"""Runs where PyPI's `osdp` is installed: its control panel, told what to do by lines of JSON.

    python osdp_panel.py HOST PORT MASTER_KEY

In: `{"do": NAME, ...}`. Out: the answer, or `{"event": NAME, ...}` for what the reader said by itself.
"""

import json
import sys
import threading
from importlib import import_module
from typing import Any

ADDRESS = 5
osdp: Any = import_module("osdp")
_lock = threading.Lock()


def say(**words: Any) -> None:
    """One line."""
    with _lock:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


class Connection(osdp.TcpClientOsdpConnection):  # type: ignore[misc]
    """Theirs waits between packets as on a line of 9,600 baud."""

    @property
    def baud_rate(self) -> int:
        """Of the line that is not there."""
        return 115200


class Panel(osdp.ControlPanel):  # type: ignore[misc]  # the package has no types
    """Theirs; what it hears goes to standard output."""

    def on_keypad_data_reply_received(self, address: int, keypad_data: Any) -> None:
        """Keys."""
        del address
        say(event="keys", data=keypad_data.data.hex())

    def on_input_status_report_reply_received(self, address: int, input_status: Any) -> None:
        """Inputs."""
        del address
        say(event="inputs", levels=list(input_status.statuses))

    def on_local_status_report_reply_received(self, address: int, local_status: Any) -> None:
        """The case."""
        del address
        say(event="tamper", is_open=local_status.tamper)


def do(panel: Panel, bus: Any, request: dict[str, Any]) -> Any:
    """One request; its answer."""
    name = request.pop("do")
    if name == "is_secure":
        return panel._buses[bus]._configured_devices[ADDRESS].is_security_established
    if name == "output":
        control = osdp.OutputControl(0, osdp.OutputControlCode(request["control"]), request["tenths"])
        return panel.output_control(bus, ADDRESS, osdp.OutputControls([control]))
    if name == "light":
        colour, nothing = osdp.LedColor(request["colour"]), osdp.PermanentReaderControlCode.Nop
        set_it = osdp.TemporaryReaderControlCode.SetTemporaryAndStartTimer
        black = osdp.LedColor.Black
        light = osdp.ReaderLedControl(0, 0, set_it, 1, 0, colour, black, 30, nothing, 0, 0, black, black)
        return panel.reader_led_control(bus, ADDRESS, osdp.ReaderLedControls([light]))
    if name == "sound":
        sound = osdp.ReaderBuzzerControl(0, osdp.ToneCode.DefaultTone, 2, 1, 3)
        return panel.send_command(bus, osdp.ReaderBuzzerControlCommand(ADDRESS, sound)).type.name
    if name == "states":
        return {
            "inputs": list(panel.input_status(bus, ADDRESS).statuses),
            "outputs": list(panel.output_status(bus, ADDRESS).statuses),
            "tamper": panel.local_status(bus, ADDRESS).tamper,
        }
    if name == "identity":
        capabilities = panel.device_capabilities(bus, ADDRESS).capabilities
        return {
            "serial": panel.id_report(bus, ADDRESS).serial_number,
            "functions": {one.function.name: one.compliance for one in capabilities},
        }
    raise ValueError(name)


def main(host: str, port: str, master_key: str) -> None:
    """Until standard input ends."""
    panel = Panel(bytes.fromhex(master_key))
    bus = panel.start_connection(Connection(host, int(port)))
    panel.add_device(bus, ADDRESS, use_crc=True, use_secure_channel=True)
    for line in sys.stdin:
        try:
            say(answer=do(panel, bus, json.loads(line)))
        except Exception as fault:  # noqa: BLE001 - the test shall see it, whatever it is
            say(fault=f"{type(fault).__name__}: {fault}")
    panel.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
