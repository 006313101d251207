"""What the data is: rows, requests, answers, states, errors. pydantic only: no file, no HTTP, no Prefect."""
