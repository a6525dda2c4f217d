"""The page of results and what it is made from."""
