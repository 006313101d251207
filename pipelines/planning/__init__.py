"""What LUSID should hold once a request is in, how that differs from what it holds, and the plan that follows from it.

Sends nothing but reads. May not know how a run is opened, sent or closed.
"""
