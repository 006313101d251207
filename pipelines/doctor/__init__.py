"""Finds out which of the things that this project infers of LUSID hold of one LUSID: `bulkload doctor`.

Creates and deletes only what it made itself, in one scope. Uses the client and nothing of a load.
"""
