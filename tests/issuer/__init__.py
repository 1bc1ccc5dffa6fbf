"""The issuing side for other programs."""
