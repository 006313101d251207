"""Extracts that are not on this machine: copied into a private folder first, where they are read twice.

May not know what is inside a file, nor runs. Credentials are the client libraries' own business (the environment, a
profile, keys); no name that is written anywhere holds one.
"""
