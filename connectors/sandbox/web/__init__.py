"""The sandbox's web application: routes, authentication, tokens and injected faults. Knows no entity."""
