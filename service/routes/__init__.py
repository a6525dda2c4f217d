"""One file per resource; they translate HTTP and do nothing else."""
