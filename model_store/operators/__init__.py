"""What a stored model may do: its operators are looked at before any runtime loads it.

A model is a program, and both runtimes have operators that read and write files. So each form has a list of the
operators that training writes, and whatever is not on it is refused: at publication and before it is loaded.
"""
