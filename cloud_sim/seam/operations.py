"""Every operation of the Seam API."""

from cloud_sim.seam.code_operations import CODE_OPERATIONS
from cloud_sim.seam.connection_simulation import CONNECTION_OPERATIONS
from cloud_sim.seam.device_operations import DEVICE_OPERATIONS
from cloud_sim.seam.dispatch import Operation
from cloud_sim.seam.event_operations import EVENT_OPERATIONS
from cloud_sim.seam.lock_operations import LOCK_OPERATIONS
from cloud_sim.seam.timeline import TIMELINE_OPERATIONS
from cloud_sim.seam.unmanaged_operations import UNMANAGED_OPERATIONS
from cloud_sim.seam.webhook_operations import WEBHOOK_OPERATIONS
from cloud_sim.seam.workspace_operations import WORKSPACE_OPERATIONS

OPERATIONS: tuple[Operation, ...] = (
    *CODE_OPERATIONS,
    *TIMELINE_OPERATIONS,
    *UNMANAGED_OPERATIONS,
    *DEVICE_OPERATIONS,
    *CONNECTION_OPERATIONS,
    *LOCK_OPERATIONS,
    *EVENT_OPERATIONS,
    *WEBHOOK_OPERATIONS,
    *WORKSPACE_OPERATIONS,
)
