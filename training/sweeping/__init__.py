"""Many runs that differ in a few numbers, and what each costs: `python -m training sweep`."""
