"""Every operation of the Seam API."""

from cloud_sim.seam.dispatch import Operation

OPERATIONS: tuple[Operation, ...] = ()
