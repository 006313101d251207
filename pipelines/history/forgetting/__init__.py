"""Takes one person out of everything that a folder of runs holds, and says where they were.

Replaces files whole, and only those of runs that no process is working on. May not load or send anything.
"""
