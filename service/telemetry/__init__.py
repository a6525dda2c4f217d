"""What is told of a request beside its metrics: a line in the log, and a trace."""
