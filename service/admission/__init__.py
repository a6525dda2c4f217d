"""What is let in and when: the queue before the event loop, large batches a few at a time, deadlines, refusals."""
