"""The ``cganx`` command line: the group of all commands, and the commands that make pictures."""
