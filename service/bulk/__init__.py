"""Scores files: `python -m service score reviews.tsv --model gru --out scored.tsv`.

The process that was started cuts the input into chunks, hands them to workers, and writes what they return in the order
of the input. Whatever a chunk becomes depends on its bytes alone, never on the number of workers or on where an
interrupted run went on, so the output is always the same to the byte.
"""
