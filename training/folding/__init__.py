"""Cross-validation of data without an official test part: `python -m training folds`."""
