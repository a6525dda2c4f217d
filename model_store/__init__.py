"""What training writes and the service reads: how text becomes ids, and what a stored version is."""
