"""Measures the service against its peers: `python -m bench` writes bench/results.md and bench/results.png."""
