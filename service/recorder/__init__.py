"""The process that records: lets the other arms read what one of them answered, and writes down what all said."""
