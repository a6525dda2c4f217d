"""Answers requests with the versions of the model store: over HTTP, side by side, each measured on its own."""

__version__ = "0.1.0"
