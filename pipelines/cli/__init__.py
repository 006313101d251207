"""The command line: commands, flags, console and demo. The only room that imports typer and rich.

Reads flags, calls and shows; no work is done here.
"""
