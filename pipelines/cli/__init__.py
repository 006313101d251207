"""The command line: commands, flags, console and demo. The only room that imports typer and rich.

Reads flags, calls the work and prints the outcome; no work is done here.
"""
