"""Requests to LUSID: calls are cut, sent and settled, culprits found, lost answers read back.

May not know files of a run but the journal, nor Prefect.
"""
