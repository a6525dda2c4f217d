"""Who may ask, how much, and in what form; and what browsers are told about the answers."""
