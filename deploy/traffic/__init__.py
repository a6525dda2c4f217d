"""Sends reviews whose label is known to a running service. Standard library only: no virtual environment is needed."""
