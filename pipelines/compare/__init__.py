"""LUSID before and after a load: what it holds is read and compared with what the rows say.

Sends nothing but reads. May not know nights, flows or the command line.
"""
