"""What the numbers of a load may be: the command line's help and the Python API read the same."""

LEAST = 1
"""Requests in one call, bytes in one call, calls in flight: fewer would send nothing."""

MOST_IN_FLIGHT = 64
"""Calls in flight: more only wait for each other, and no server was seen to take as many."""
