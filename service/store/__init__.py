"""What experiments remember, in SQLite or PostgreSQL. Imports nothing: without experiments, no database is loaded."""
