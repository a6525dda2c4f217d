"""The errors of bulk scoring.

StartError (service.errors)     nothing was done: what is asked for is not there, or not allowed; exit status 2
RunError                        it began and could not end; what is done is kept, and --resume goes on; exit status 1
"""


class RunError(Exception):
    """The run cannot go on; the message says why, for a person."""
