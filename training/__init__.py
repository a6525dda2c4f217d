"""Trains the variants on labelled texts, evaluates them, and publishes them as versions of the model store."""
