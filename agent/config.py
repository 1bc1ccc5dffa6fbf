"""One TOML file per door -> frozen values; an unknown key, a wrong type or a value out of range is an error
that names the key. Secrets are names of files or credentials, never values."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from agent.commands import COMMAND_TYPES, CommandType, LocalCommandType
from agent.core.constraints import ALL_DIGITS, CAPACITY, CODE_LENGTHS
from agent.core.mode_schedule import ModeSchedule
from agent.core.mode_schedule_fields import mode_schedule_of
from agent.errors import ConfigFault
from agent.keypads import KEYS as KEYPAD_KEYS
from agent.keypads import is_keypad, keypads
from agent.zones import zone_named
from hal.osdp.transport import Direction, tcp_address
from hal.registry import UnknownDriver, load

Seconds = Annotated[float, Meta(gt=0, le=3600)]
CodeLength = Annotated[int, Meta(ge=CODE_LENGTHS[0], le=CODE_LENGTHS[-1])]
T = TypeVar("T")


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Any table of the file."""


class DoorSection(_Section, frozen=True):
    """`[door]`: timings of the door, and what a REX does."""

    release_s: Annotated[float, Meta(ge=0.1, le=60)] = 5.0
    extended_release_s: Annotated[float, Meta(ge=0, le=60)] = 10.0
    extended_open_s: Annotated[float, Meta(ge=0, le=3600)] = 30.0
    relock_on: Literal["open", "close", "time"] = "close"
    relock_after_open_s: Annotated[float, Meta(ge=0, le=10)] = 1.0
    relock_after_close_s: Annotated[float, Meta(ge=0, le=10)] = 0.5
    held_open_s: Seconds = 30.0
    pre_alarm_s: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    forced_filter_s: Annotated[float, Meta(ge=0, le=5)] = 0.3
    rex_shunt_s: Seconds = 10.0
    rex_unlocks: bool = True


class EntrySection(_Section, frozen=True):
    """`[entry]`: typing at the keypad."""

    inter_key_timeout_s: Annotated[float, Meta(ge=1, le=60)] = 10.0
    key_feedback: bool = True


class CodesSection(_Section, frozen=True):
    """`[codes]`: what this door takes as an access code."""

    lengths: Annotated[list[CodeLength], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: list(CODE_LENGTHS)
    )
    digits: Annotated[str, Meta(pattern="^[0-9]{2,10}$")] = ALL_DIGITS
    refuse_weak: bool = True
    capacity: Annotated[int, Meta(ge=1, le=CAPACITY)] = CAPACITY


class ThrottleSection(_Section, frozen=True):
    """`[throttle]`: how likely guessing in may be."""

    risk_per_year: Annotated[float, Meta(gt=0, le=1)] = 0.01


class ClockSection(_Section, frozen=True):
    """`[clock]`: how good the oscillator is, and whom to believe."""

    ppm: Annotated[float, Meta(gt=0, le=500)] = 100.0
    trust_ntp: bool = False
    rtc: Literal["none", "ds3231"] = "none"
    rtc_device: Annotated[str, Meta(pattern="^rtc[0-9]+$")] = "rtc0"
    lockctl: bool = False

    def rtc_file(self) -> Path | None:
        """Where the hardware clock shows Unix seconds: in sysfs, since a sandbox closes the device itself."""
        return None if self.rtc == "none" else Path("/sys/class/rtc") / self.rtc_device / "since_epoch"


class EmergencySection(_Section, frozen=True):
    """`[emergency]`: whether the emergency code opens."""

    enabled: bool = False


class UplinkSection(_Section, frozen=True):
    """`[uplink]`: the way to the cloud."""

    enabled: bool = True
    first_retry_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    longest_retry_s: Annotated[float, Meta(ge=1, le=3600)] = 120.0
    stale_after_h: Annotated[float, Meta(ge=1, le=8760)] = 72.0
    when_stale: Literal["report", "refuse_codes"] = "report"


class CommandsSection(_Section, frozen=True):
    """`[commands]`: what the cloud and `lockctl` may tell this lock to do."""

    allow: list[CommandType] = msgspec.field(default_factory=lambda: list(COMMAND_TYPES))
    local: list[LocalCommandType] = []


class ModesSection(_Section, frozen=True):
    """`[modes]`: the mode schedule, unless the cloud gives another one. Without entries there is none."""

    zone: str = "UTC"
    weekly: list[dict[str, Any]] = []
    holidays: list[dict[str, Any]] = []

    def schedule(self) -> ModeSchedule | None:
        """The schedule. Raises ConfigFault that names the entry."""
        lists = {"weekly": self.weekly, "holidays": self.holidays}
        fields = {name: value for name, value in lists.items() if value}
        if not fields:
            return None
        try:
            return mode_schedule_of({**fields, "zone": self.zone}, zone_named)
        except ValueError as error:
            raise ConfigFault(f"modes: {error}") from None


class ProgrammingSection(_Section, frozen=True):
    """`[programming]`: who may make and remove codes at the door."""

    keypad: bool = True
    lockctl: bool = False


class ProvisioningSection(_Section, frozen=True):
    """`[provisioning]`: who may give readers their keys, and change their keys and addresses."""

    lockctl: bool = False


class ConditionsSection(_Section, frozen=True):
    """`[conditions]`: what fire alarm and battery do to the door, where there are inputs for them."""

    on_fire: Literal["release", "nothing"] = "release"
    on_low_battery: Literal["open", "keep_shut"] = "open"


class LineSection(_Section, frozen=True):
    """`[lines.NAME]`: one line with readers, serial or over TCP."""

    port: str
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 115200
    poll_ms: Annotated[int, Meta(ge=5, le=1000)] = 20
    direction: Direction = "auto"

    def __post_init__(self) -> None:
        """A port that no line can have is a wrong value like others."""
        if tcp_address(self.port) and self.direction != "auto":
            raise ValueError(f"direction: whatever is at {self.port} switches its line by itself")


class ReaderSection(_Section, frozen=True):
    """`[readers.NAME]`: one OSDP peripheral device on a line, with a file that holds its key (hex)."""

    line: str
    address: Annotated[int, Meta(ge=0, le=126)]
    key_file: Path


class Config(_Section, frozen=True):
    """The whole file."""

    state_dir: Path = Path("/var/lib/lock-agent")
    control_socket: Path = Path("/run/lock-agent/control.sock")
    control_group: str | None = None
    root_secret_file: Path | None = None
    root_secret_credential: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    door: DoorSection = DoorSection()
    entry: EntrySection = EntrySection()
    codes: CodesSection = CodesSection()
    throttle: ThrottleSection = ThrottleSection()
    clock: ClockSection = ClockSection()
    emergency: EmergencySection = EmergencySection()
    uplink: UplinkSection = UplinkSection()
    commands: CommandsSection = CommandsSection()
    modes: ModesSection = ModesSection()
    programming: ProgrammingSection = ProgrammingSection()
    provisioning: ProvisioningSection = ProvisioningSection()
    conditions: ConditionsSection = ConditionsSection()
    lines: dict[str, LineSection] = {}
    readers: dict[str, ReaderSection] = {}
    devices: dict[str, dict[str, Any]] = {}


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigFault."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigFault(f"there is no {path}; start from a copy of agent/example.toml") from None
    except OSError as error:
        raise ConfigFault(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigFault(f"{path} is not TOML: {error}") from None
    try:
        config = convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFault(f"{path} is not TOML: {error}") from None
    except ConfigFault as fault:
        raise ConfigFault(f"{path}: {fault}") from None
    problem = _problem(config)
    if problem is not None:
        raise ConfigFault(f"{path}: {problem}")
    return config


def convert(values: Mapping[str, Any], kind: type[T]) -> T:
    """Make a checked value of `kind` from what a table holds. Raises ConfigFault that names the key."""
    try:
        return msgspec.convert(values, kind, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise ConfigFault(_in_words(str(error), kind)) from None


def _from_text(kind: type[Any], value: Any) -> Any:
    """The one type of ours that TOML does not have."""
    if kind is not Path or not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return Path(value)


def _in_words(problem: str, kind: type[Any]) -> str:
    """msgspec's sentence with the place as people write it, and a guess at what was meant."""
    text, _, place = problem.partition(" - at `$")
    table = place.strip("`.").replace("[...]", ".*")
    unknown = re.search(r"unknown field `(.+?)`", text)
    if unknown is None:
        return f"{table or 'top level'}: {text}{_choices(text, table, kind)}"
    key = unknown.group(1)
    near = difflib.get_close_matches(key, _all_keys(kind), 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown key {f'{table}.{key}' if table else key!r}{hint}"


def _choices(text: str, table: str, kind: type[Any]) -> str:
    """What is allowed, where only some values are."""
    if not text.startswith("Invalid enum value"):
        return ""
    key = table.rpartition(".")[2]
    hints = [get_type_hints(section).get(key) for section in _sections(kind)]
    values = next((get_args(hint) for hint in hints if get_origin(hint) is Literal), ())
    return f"; it is one of {', '.join(map(str, values))}" if values else ""


def _all_keys(kind: type[Any]) -> list[str]:
    return [name for section in _sections(kind) for name in section.__struct_fields__]


def _sections(kind: type[Any]) -> list[type[Any]]:
    return [kind, *_Section.__subclasses__()] if issubclass(kind, Config) else [kind]


def _problem(config: Config) -> str | None:
    """What is wrong between the tables, if anything."""
    if (config.root_secret_file is None) == (config.root_secret_credential is None):
        return "set exactly one of root_secret_file and root_secret_credential"
    if len(set(config.codes.digits)) < len(config.codes.digits):
        return f"codes.digits: {config.codes.digits!r} has a digit twice; name each key once"
    for name, reader in config.readers.items():
        if reader.line not in config.lines:
            return f"readers.{name}.line: there is no [lines.{reader.line}]"
    places = [(reader.line, reader.address) for reader in config.readers.values()]
    if len(set(places)) < len(places):
        return "two readers have the same address on the same line"
    return _mode_problem(config) or _device_problem(config)


def _mode_problem(config: Config) -> str | None:
    try:
        config.modes.schedule()
    except ConfigFault as fault:
        return str(fault)
    return None


def _device_problem(config: Config) -> str | None:
    drivers = []
    for name, table in config.devices.items():
        try:
            driver_options(name, table)
        except ConfigFault as fault:
            return str(fault)
        if table.get("reader", None) not in (None, *config.readers):
            return f"devices.{name}.reader: there is no [readers.{table['reader']}]"
        drivers.append(str(table["driver"]))
    strikes = [driver for driver in drivers if driver.endswith(("-strike", "-maglock"))]
    if len(strikes) != 1:
        return f"a door has exactly one strike among its [devices.*], this one has {len(strikes)}"
    if not any(is_keypad(driver) for driver in drivers):
        return "a door needs a keypad: add [devices.keypad] with its driver"
    try:
        keypads(config.devices)
    except ConfigFault as fault:
        return str(fault)
    return None


def driver_options(name: str, table: Mapping[str, Any]) -> tuple[str, Any]:
    """The driver of `[devices.NAME]` and its options, checked. Raises ConfigFault."""
    driver = table.get("driver")
    if not isinstance(driver, str):
        raise ConfigFault(f"devices.{name}: the key 'driver' is missing")
    ours = ("driver", *(KEYPAD_KEYS if is_keypad(driver) else ()))
    options = {key: value for key, value in table.items() if key not in ours}
    try:
        return driver, convert(options, load(driver).Options)
    except UnknownDriver as unknown:
        raise ConfigFault(f"devices.{name}.driver: {unknown}") from None
    except ConfigFault as fault:
        raise ConfigFault(f"devices.{name} ({driver}): {fault}") from None
