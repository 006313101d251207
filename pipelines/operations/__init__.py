"""One declaration an endpoint, and the rules of evidence for what it does.

May not know the engine that carries an operation out.
"""
