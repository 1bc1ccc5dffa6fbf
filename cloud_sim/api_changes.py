"""Reads a change of an access code: what the body leaves out stays, and null takes a rule away."""

from typing import Any

from cloud_sim import api_fields, code_rules
from cloud_sim.answers import iso
from cloud_sim.api_errors import ApiError


def changed_columns(row: dict[str, Any], fields: dict[str, Any], wall: float) -> dict[str, Any]:
    """The columns of a code (a row of `access_codes.find`) after the change that a body of
    ACCESS_CODE_FIELDS asks for. The code as a whole must be as sound as a new one."""
    if "code" in fields and fields["code"] is None:
        raise ApiError(400, "INVALID_CODE", "code cannot be taken away; leave it out to keep the digits")
    # An end that is not touched may be over: the name of an old code can be changed.
    wanted = api_fields.new_access_code(_whole(row, fields), wall if "ends_at" in fields else 0.0)
    return {
        "name": wanted.name,
        "person_id": wanted.person_id,
        "code": wanted.code,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "max_uses": 1 if wanted.is_one_time_use else wanted.max_uses,
        "works_without_clock": int(wanted.works_without_clock),
        **code_rules.columns(wanted.rules),
    }


def _whole(row: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The code as a body would ask for it, with the change in it."""
    kept = {
        "name": row["name"],
        "person_id": row["person_id"],
        "code": row["code"] or None,
        "starts_at": iso(row["starts_at"]),
        "ends_at": iso(row["ends_at"]),
        "works_without_clock": bool(row["works_without_clock"]),
        **{name: value for name, value in code_rules.shown(row).items() if name != "uses"},
    }
    if "is_one_time_use" in fields and (fields["is_one_time_use"] or row["max_uses"] == 1):
        kept["max_uses"] = None  # the flag says all there is to say
    return kept | fields
