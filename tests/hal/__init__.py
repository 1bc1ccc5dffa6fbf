"""Tests of drivers and of the serial line."""
