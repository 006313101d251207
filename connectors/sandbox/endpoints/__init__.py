"""One module for each family of endpoints: its routes, and what each call does to the store."""
