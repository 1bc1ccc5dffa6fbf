"""The Seam-compatible API, driven as its clients drive it."""
