"""What a feed last had accepted, key by key, and for which business date: what need not or must not be sent again.

Keeps hashes alone, under `runs/feeds/`. May neither send to LUSID nor read from it, and knows no extract.
"""
