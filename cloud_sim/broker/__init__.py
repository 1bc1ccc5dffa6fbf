"""A small MQTT 5 broker for one site on one machine: mutual TLS, one identity per certificate.

It does what the locks and the device cloud use, QoS 0 and 1, and nothing that only other systems need:
no QoS 2, no shared subscriptions, no subscription identifiers, no topic aliases; each is refused by name.
"""

from cloud_sim.broker.faults import Faults
from cloud_sim.broker.server import Broker
from cloud_sim.broker.tls import TlsFiles, server_context

__all__ = ["Broker", "Faults", "TlsFiles", "server_context"]
