"""Who may ask, how much, and in what form; what browsers are told about the answers; and whose models are run."""
