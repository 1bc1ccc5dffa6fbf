"""The one workspace and the one connected account that all locks of a cloud belong to."""

import uuid

from cloud_sim.database import Database

NAMESPACE = uuid.UUID("2f0d6a55-6f0b-4f86-9a43-54c6a2f6c7a1")


def workspace_id(database: Database) -> str:
    """The workspace is the owner's, whose only one it is."""
    return database.owner_id


def connected_account_id(database: Database) -> str:
    """The account through which the locks are known; the same for ever, as it follows from the owner's id."""
    return str(uuid.uuid5(NAMESPACE, f"{database.owner_id}/connected_account"))
