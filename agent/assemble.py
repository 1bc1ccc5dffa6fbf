"""Configuration -> devices, store, controller; the only file that knows everyone."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import __version__
from agent.clock_watch import ClockSettings
from agent.command_side import Permissions
from agent.condition_side import ConditionPolicy
from agent.config import Config, driver_options
from agent.controller import AnySignal, Controller
from agent.core.constraints import Constraints
from agent.core.door import RelockOn, Timings
from agent.core.timekeeping import Trust
from agent.emergency_code import FILE_NAME, EmergencyCode
from agent.errors import ConfigFault
from agent.freshness import StaleSettings
from agent.host_clock import HostClock
from agent.inbox import Inbox
from agent.journal import Stamp
from agent.key_ring import KeyRing
from agent.keypads import keypads
from agent.programming_side import MayProgram
from agent.reader_keys import next_key_file, reader_key
from agent.root_change import DATABASE, SettledRoot, root_of, settle
from agent.secrets import RootSecret, SecretSource
from agent.set_aside import open_store
from agent.settings import Devices, Settings
from agent.store import Store
from agent.uplink_port import NoUplink, UplinkPort
from hal.osdp.events import Reader
from hal.osdp.line import Line
from hal.ports import Device, Indicator, Post, Signal, Strike
from hal.registry import load


def secret_source(config: Config) -> SecretSource:
    """Where the configuration says that the root secret is."""
    return SecretSource(file=config.root_secret_file, credential=config.root_secret_credential)


def root_secret(config: Config) -> RootSecret:
    """The root secret under which this lock is, for whoever does not move it to the next one. Raises
    SecretFault."""
    return root_of(config.state_dir, secret_source(config))


def assemble(config: Config, config_path: Path, inbox: Inbox[AnySignal]) -> Controller:
    """Everything, wired but not started. The caller holds the lock of the state directory."""
    clocks = HostClock()
    stamp = Stamp(clocks.boot, int(clocks.now() * 1000), int(clocks.wall() * 1000), Trust.UNKNOWN.value)
    settled = settle(config.state_dir, secret_source(config), stamp)
    root = settled.root
    ring = KeyRing(config.state_dir, root)
    enrolment = ring.enrolment
    devices = make_devices(config, inbox.post)
    store = open_store(
        config.state_dir / DATABASE,
        device_id=enrolment.device_id,
        row_key=root.derive("row"),
        store_key=root.derive("store"),
        set_epoch=enrolment.terms.set_epoch,
    )
    controller = Controller(
        settings=_settings(config, config_path, enrolment.device_id, settled),
        store=store,
        tag_key=root.derive("tag"),
        clocks=clocks,
        inbox=inbox,
        devices=devices,
        version=__version__,
        ring=ring,
        emergency=EmergencyCode(
            config.state_dir / FILE_NAME,
            root.derive("emergency"),
            store.codes.history_of,
            enabled=config.emergency.enabled,
        ),
        make_uplink=lambda: make_uplink(),
    )
    make_uplink = _uplink_maker(config, ring, store, controller, inbox)
    return controller


def _settings(config: Config, config_path: Path, device_id: str, settled: SettledRoot) -> Settings:
    section = config.door
    return Settings(
        device_id=device_id,
        timings=Timings(
            release_s=section.release_s,
            extended_release_s=section.extended_release_s,
            extended_open_s=section.extended_open_s,
            relock_on=RelockOn(section.relock_on),
            relock_after_open_s=section.relock_after_open_s,
            relock_after_close_s=section.relock_after_close_s,
            held_open_s=section.held_open_s,
            pre_alarm_s=section.pre_alarm_s,
            forced_filter_s=section.forced_filter_s,
            rex_shunt_s=section.rex_shunt_s,
        ),
        rex_unlocks=section.rex_unlocks,
        inter_key_timeout_s=config.entry.inter_key_timeout_s,
        risk_per_year=config.throttle.risk_per_year,
        constraints=Constraints(
            code_lengths=tuple(sorted(set(config.codes.lengths))),
            digits="".join(sorted(config.codes.digits)),
            refuses_weak_codes=config.codes.refuse_weak,
            capacity=config.codes.capacity,
        ),
        clock=ClockSettings(
            config.clock.ppm, config.clock.trust_ntp, config.clock.rtc_file(), config.clock.lockctl
        ),
        stale=StaleSettings(
            after_s=config.uplink.stale_after_h * 3600.0 if config.uplink.enabled else math.inf,
            refuses_codes=config.uplink.when_stale == "refuse_codes",
        ),
        permissions=Permissions(
            remote=frozenset(config.commands.allow), local=frozenset(config.commands.local)
        ),
        mode_schedule=config.modes.schedule(),
        programming=MayProgram(keypad=config.programming.keypad, lockctl=config.programming.lockctl),
        may_provision=config.provisioning.lockctl,
        key_files={name: section.key_file for name, section in config.readers.items()},
        keypads=keypads(config.devices),
        shows_keys=config.entry.key_feedback,
        conditions=ConditionPolicy(
            fire_releases=config.conditions.on_fire == "release",
            low_battery_opens=config.conditions.on_low_battery == "open",
        ),
        secrets_source=settled.root.describe(),
        secrets_off_disk=settled.root.is_off_disk,
        root_stage=settled.stage,
        config_path=str(config_path),
        drivers=tuple(sorted({str(table["driver"]) for table in config.devices.values()})),
    )


def _uplink_maker(
    config: Config,
    ring: KeyRing,
    store: Store,
    controller: Controller,
    inbox: Inbox[AnySignal],
) -> Callable[[], UplinkPort]:
    def make() -> UplinkPort:
        ring.sealer.prepare()
        if not config.uplink.enabled:
            return NoUplink()
        from agent.uplink import Backoff, Uplink
        from agent.uplink.handle import UplinkClock

        return Uplink(
            ring.enrolment,
            inbox.post_later,
            journal_epoch=store.journal.epoch,
            acked_seq=store.journal.acked_seq,
            last_seq=store.journal.last_seq,
            start=store.next_start(),
            backoff=Backoff(first_s=config.uplink.first_retry_s, cap_s=config.uplink.longest_retry_s),
            clock=UplinkClock(
                now=controller.clocks.now,
                wall=controller.clock.best_wall_s,
                is_trusted=controller.clock.is_known,
            ),
        )

    return make


# --- hardware ---------------------------------------------------------------------------------------


def make_devices(config: Config, post: Post) -> Devices:
    """The door's hardware as configured. Raises ConfigFault."""
    lines = _lines(config, post)
    by_reader = {name: lines[section.line] for name, section in config.readers.items()}
    made: list[Device] = []
    indicators: dict[str, Indicator] = {}
    for name, table in config.devices.items():
        driver, options = driver_options(name, table)
        made.append(device := _made(name, driver, options, by_reader, post))
        if isinstance(device, Indicator):
            indicators[name] = device
    inputs = [device for device in made if not isinstance(device, Strike | Indicator)]
    return Devices(
        strike=next(device for device in made if isinstance(device, Strike)),
        indicators=indicators,
        inputs=(*inputs, *lines.values()),
        readers=by_reader,
    )


def make_safe(config: Config) -> list[str]:
    """Drive the pins of the strikes to where they keep the door shut, then let go of them: from there on the
    resistors of the wiring decide. Returns the names of the devices. Raises ConfigFault.

    For a moment at which no agent runs: a pin may have been left as a process that was killed had set it. To
    make such a device is enough, and it touches no other hardware."""
    names = []
    for name, table in config.devices.items():
        driver, options = driver_options(name, table)
        kind = load(driver)
        if driver.startswith("gpio-") and isinstance(kind, type) and issubclass(kind, Strike):
            _made(name, driver, options, {}, _nobody)
            names.append(name)
    return names


def _nobody(signal: Signal) -> None:
    """Whom a device posts to while no agent runs."""
    del signal


def _made(name: str, driver: str, options: Any, lines: dict[str, Line], post: Post) -> Device:
    try:
        return load(driver)(name, options, lines, post)
    except ValueError as error:
        raise ConfigFault(f"devices.{name}: {error}") from None


def _lines(config: Config, post: Post) -> dict[str, Line]:
    lines = {}
    for name, section in config.lines.items():
        readers = [
            Reader(reader, each.address, reader_key(each.key_file), _next_key(each.key_file))
            for reader, each in config.readers.items()
            if each.line == name
        ]
        poll_s = section.poll_ms / 1000
        lines[name] = Line(section.port, section.baud, poll_s, readers, post, section.direction)
    return lines


def _next_key(path: Path) -> bytes | None:
    """The key that a reader is to have, or has, while its key is changed."""
    following = next_key_file(path)
    return reader_key(following) if following.exists() else None
