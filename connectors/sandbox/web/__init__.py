"""The sandbox as a web server: routes, authentication, tokens, and faults injected on purpose. Knows no entity."""
