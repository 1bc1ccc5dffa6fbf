"""What a device says of offline codes: whether its lock takes any, and which time frames they have."""

from typing import Any

from agent.core.offline_code import DAY_H, LONGEST_HOURLY_H, SLOT_S
from agent.core.offline_policy import ALL_HOURS
from agent.offline_setup import KeyPart, OfflineSetup
from cloud_sim.offline_codes import CLOUD_ISSUER
from cloud_sim.offline_issuing import is_supported

_FIRST_DAILY = LONGEST_HOURLY_H // DAY_H + 1


def properties(setup: OfflineSetup | None) -> dict[str, Any]:
    """The properties of a device with this setup; without a key of this cloud nothing is offered."""
    if setup is None or not is_supported(setup):
        return {"offline_access_codes_enabled": False}
    own = [key for key in setup.keys if key.issuer == CLOUD_ISSUER]
    # Of several the newest: it is the one for what starts from now on.
    options = _options(setup, max(own, key=lambda key: (key.first_slot, key.kid)))
    return {"offline_access_codes_enabled": True, "offline_time_frame_options": options}


def _options(setup: OfflineSetup, key: KeyPart) -> list[dict[str, Any]]:
    policy = key.policy.policy()
    if not policy.serials or not policy.longest_h:
        return []
    minutes, hours = setup.phase_s % SLOT_S // 60, ""
    if policy.start_hours != ALL_HOURS:
        hours = f"BYHOUR={','.join(map(str, sorted(policy.start_hours)))};"
    recurrence = {
        "time_zone": "UTC",
        "start_date_recurrence_rule": f"FREQ=DAILY;{hours}BYMINUTE={minutes};BYSECOND=0"
        if hours
        else f"FREQ=HOURLY;BYMINUTE={minutes};BYSECOND=0",
    }
    longest_hourly = min(policy.longest_h, LONGEST_HOURLY_H)
    hourly = {
        "display_name": "Hourly",
        "min_duration": "PT1H",
        "max_duration": f"PT{longest_hourly}H",
        "matching_start_end_time": False,
        **recurrence,
    }
    longest_days = policy.longest_h // DAY_H
    daily = {
        "display_name": "Daily",
        "min_duration": f"P{_FIRST_DAILY}D",
        "max_duration": f"P{longest_days}D",
        "matching_start_end_time": True,
        **recurrence,
    }
    return [hourly, *([daily] if longest_days >= _FIRST_DAILY else [])]
