"""The lock-side agent: reads keys, decides who may enter, drives the strike."""

__version__ = "0.1.0"
