"""States to files: what became of each row, counted twice, with reasons.

May not send or read anything of LUSID.
"""
