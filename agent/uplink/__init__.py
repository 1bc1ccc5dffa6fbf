"""The line to the cloud: an MQTT session of its own thread, which the door never waits for.

`handle` is what the controller holds, `session` what runs behind it. Importing this package is cheap: what
brings paho, joserfc and ssl is imported by the uplink's own thread, after the keypad is up.
"""

from agent.uplink.backoff import Backoff
from agent.uplink.handle import Uplink, UplinkClock, UplinkSnapshot

__all__ = ["Backoff", "Uplink", "UplinkClock", "UplinkSnapshot"]
