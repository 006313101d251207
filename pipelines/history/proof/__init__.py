"""What leaves a folder of runs for others, and what must leave it: a pack for an auditor, and a person to be forgotten.

Reads runs whose books are closed, and takes out of them what somebody asked for. May not load anything.
"""
