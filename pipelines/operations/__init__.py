"""One declaration for each endpoint, and the rules for proving in LUSID what a call to it did.

May not know the engine that carries an operation out.
"""
