"""One code of a cloud whose lock and clock are moved by hand, as the API shows it."""

from typing import Any

from cloud_sim import access_codes, code_updates
from cloud_sim.access_codes import Taken
from cloud_sim.seam import backup_pool, code_view
from tests.seam.silent_cloud import Cloud

DAY_S = 86_400


def row(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    found = access_codes.find(cloud.database, access_code_id)
    assert found is not None
    return found


def shown(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    cloud.told()
    return code_view.access_code(cloud.database, row(cloud, access_code_id), cloud.now)


def status(cloud: Cloud, access_code_id: str) -> str:
    return str(shown(cloud, access_code_id)["status"])


def change(cloud: Cloud, access_code_id: str, **values: Any) -> Taken | None:
    with cloud.database.transaction():
        return code_updates.update(cloud.database, row(cloud, access_code_id), values, cloud.now)


def pool(cloud: Cloud) -> None:
    with cloud.database.transaction():
        backup_pool.turn_on(cloud.database, cloud.lock_id, cloud.now)


def pull(cloud: Cloud, access_code_id: str) -> str | None:
    with cloud.database.transaction():
        return backup_pool.pull(cloud.database, row(cloud, access_code_id), cloud.now)


def codes_of(issues: list[dict[str, Any]]) -> list[str]:
    """The codes of errors, warnings or mutations."""
    return [
        str(issue.get("error_code") or issue.get("warning_code") or issue["mutation_code"])
        for issue in issues
    ]
