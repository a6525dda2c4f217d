"""What a person has to put right."""


class TrafficError(Exception):
    """Something is not as it has to be; the message says what, for a person."""
