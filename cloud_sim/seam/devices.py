"""The device object: one lock as clients of the Seam API see it."""

import json
from typing import Any

from agent.core.constraints import ALL_DIGITS, Constraints
from agent.offline_setup import OfflineSetup
from cloud_sim import code_constraints, offline_issuing
from cloud_sim.answers import iso_ms
from cloud_sim.database import Database
from cloud_sim.reported import ONLINE_FOR_S
from cloud_sim.seam import backup_pool, connections, offline_capability
from cloud_sim.seam.workspace import connected_account_id, workspace_id

DEVICE_TYPE = "lock_agent_lock"
MANUFACTURER = "lock_agent"
MANUFACTURER_NAME = "Lock Agent"
MODEL_NAME = "Keypad door controller"

CAN = {
    "can_program_online_access_codes": True,
    "can_unlock_with_code": True,
    "can_remotely_lock": True,
    "can_remotely_unlock": True,
    "can_configure_auto_lock": True,
    "can_simulate_connection": False,
    "can_simulate_disconnection": False,
    "can_simulate_removal": False,
}
"""The capability flags that all locks have in common, since they have the same agent."""


def device(database: Database, lock: dict[str, Any], wall: float) -> dict[str, Any]:
    """The device of a row of `locks`."""
    lock_id = lock["lock_id"]
    name = lock["name"] or f"Lock {lock_id[:8]}"
    setup = offline_issuing.setup_of(database, lock_id)
    return {
        "device_id": lock_id,
        "device_type": DEVICE_TYPE,
        "display_name": name,
        "nickname": lock["name"],
        "capabilities_supported": ["access_code", "lock"],
        **CAN,
        "can_program_offline_access_codes": offline_issuing.is_supported(setup),
        "properties": _properties(database, lock_id, name, wall, setup),
        "device_manufacturer": {"manufacturer": MANUFACTURER, "display_name": MANUFACTURER_NAME},
        "connected_account_id": connected_account_id(database),
        "workspace_id": workspace_id(database),
        "errors": connections.device_errors(database, lock_id),
        "warnings": [],
        "created_at": iso_ms(lock["created_ms"]),
        "is_managed": True,
        "custom_metadata": custom_metadata(database, lock_id),
        "space_ids": [],
    }


def custom_metadata(database: Database, lock_id: str) -> dict[str, Any]:
    """What clients noted on a device."""
    row = database.row("SELECT custom_metadata FROM device_settings WHERE lock_id = ?", lock_id)
    metadata: dict[str, Any] = {} if row is None else json.loads(row["custom_metadata"])
    return metadata


def _properties(
    database: Database, lock_id: str, name: str, wall: float, setup: OfflineSetup | None
) -> dict[str, Any]:
    seen = database.row("SELECT * FROM reported_status WHERE lock_id = ?", lock_id)
    status = json.loads(seen["status"]) if seen else {}
    is_online = bool(seen and seen["is_online"] and wall - seen["last_seen_ms"] / 1000 <= ONLINE_FOR_S)
    return {
        "online": is_online,
        **_readings(status),
        "name": name,
        "appearance": {"name": name},
        "manufacturer": MANUFACTURER,
        "model": {
            "display_name": MODEL_NAME,
            "manufacturer_display_name": MANUFACTURER_NAME,
            "has_built_in_keypad": True,
            "can_connect_accessory_keypad": False,
            "offline_access_codes_supported": offline_issuing.is_supported(setup),
            "online_access_codes_supported": True,
        },
        "has_direct_power": True,
        "has_native_entry_events": True,
        "auto_lock_enabled": True,
        "online_access_codes_enabled": True,
        **offline_capability.properties(setup),
        "supports_backup_access_code_pool": True,
        "backup_access_code_pool_enabled": backup_pool.is_on(database, lock_id),
        **_limits(database, lock_id),
    }


def _readings(status: dict[str, Any]) -> dict[str, Any]:
    """The newest readings; what a lock has not said is left out rather than guessed."""
    readings: dict[str, Any] = {}
    if status.get("strike") in ("locked", "released"):
        readings["locked"] = status["strike"] == "locked"
    if status.get("door") in ("open", "closed"):
        readings["door_open"] = status["door"] == "open"
    if status.get("release_s") is not None:
        readings["auto_lock_delay_seconds"] = status["release_s"]
    return readings


def _limits(database: Database, lock_id: str) -> dict[str, Any]:
    row = database.row("SELECT codes FROM reported_codes WHERE lock_id = ?", lock_id)
    limits = code_constraints.of_lock(database, lock_id)
    return {
        "supported_code_lengths": list(limits.code_lengths),
        "code_constraints": [{"constraint_type": each} for each in _constraint_types(limits)],
        **({"max_active_codes_supported": json.loads(row["codes"])["capacity"]} if row else {}),
    }


def _constraint_types(limits: Constraints) -> list[str]:
    """In the words there are; a keypad that lacks other digits than these has no word for it."""
    missing = {digit for digit in ALL_DIGITS if digit not in limits.digits}
    words = [
        ("no_zeros", "0" in missing),
        ("cannot_contain_089", missing >= set("089")),
        ("cannot_contain_0789", missing >= set("0789")),
        ("no_all_same_digits", limits.refuses_weak_codes),
        ("no_ascending_or_descending_sequence", limits.refuses_weak_codes),
    ]
    return [constraint_type for constraint_type, holds in words if holds]
