"""Before a load: what its rows refer to, and what of that LUSID does not have.

Reads the extract once and sends nothing but reads. May not know runs: there is none yet.
"""
