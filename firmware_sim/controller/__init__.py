"""The firmware of a keypad controller: an OSDP peripheral device that MicroPython runs too."""
