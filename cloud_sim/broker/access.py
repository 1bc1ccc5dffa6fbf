"""Who may write and read which topics; the name in the certificate is who."""

import re

from cloud_sim.broker.topics import covers

CLOUD = "cloud"
"""The common name of the device cloud's certificate; every other one is a device's."""

IDENTITY = re.compile(r"[a-z0-9-]{1,40}")
"""Names that can stand in a topic; none of them holds a wildcard or a slash."""


class Access:
    """The rights of one identity. Raises ValueError for a name that could reach into other topics."""

    def __init__(self, identity: str) -> None:
        if not IDENTITY.fullmatch(identity):
            raise ValueError(f"{identity!r} is not a device id: a-z, 0-9 and -, at most 40 of them")
        if identity == CLOUD:
            self._writes = self._reads = "lock/v1/#"
        else:
            self._writes = f"lock/v1/{identity}/up/#"
            self._reads = f"lock/v1/{identity}/down/#"

    def may_publish(self, topic: str) -> bool:
        return covers(self._writes, topic)

    def may_subscribe(self, topic_filter: str) -> bool:
        return covers(self._reads, topic_filter)
