"""Tests of the reader's firmware and of the virtual board."""
