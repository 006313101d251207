"""The commands of `bulkload`, one module for those that belong together.

A command reads its flags, imports what it needs when it runs, and prints what came of it; no work is done here.
"""
