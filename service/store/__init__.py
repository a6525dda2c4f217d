"""What experiments remember, in SQLite or PostgreSQL. Imports nothing: a service without experiments loads no database."""
