"""One module an endpoint family: its routes, and what each call does to what is stored."""
