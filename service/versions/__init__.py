"""The life cycle of versions: which are wanted, what proves them, and how an alias moves from one to the next."""
