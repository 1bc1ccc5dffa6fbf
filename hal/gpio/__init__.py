"""Doors wired to GPIO pins, through gpiozero. Pins have the numbers of the chip (BCM), not of the header."""
