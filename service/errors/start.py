"""What stops the start."""


class StartError(Exception):
    """The process cannot start: a setting is wrong, or what it asks for is not there."""
