"""The LUSID client: settings, tokens, transport, deadlines, retrying, and one answer or one error for each call.

The only room that imports requests. May not know an operation, a row or a run.
"""
