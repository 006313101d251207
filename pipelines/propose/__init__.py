"""Proposes a first mapping of an extract: what is certain as it loads, what is not as a comment for a person to judge.

A room of its own, because it needs both operations and extracts, and nothing that loads needs it. It reads a bounded
sample and prints no cell but codes of vocabularies. It must not know targets, runs or the command line.
"""
