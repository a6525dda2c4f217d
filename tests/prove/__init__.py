"""Proofs that the experiments keep their promises: small in the tests, in full by `make prove`."""
