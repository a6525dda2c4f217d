"""Models side by side on the same texts: `python -m training compare`."""
