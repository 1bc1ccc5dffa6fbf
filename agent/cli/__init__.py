"""The commands people type: lock-agent and lockctl."""
