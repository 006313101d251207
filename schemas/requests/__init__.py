"""Builds the requests that go over the wire: one file for each entity, and the parts that entities share.

May use rows; may not know how a request is sent or what LUSID answers.
"""
