"""The same board fixtures as for the drivers."""

from tests.hal.conftest import board, door

__all__ = ["board", "door"]
