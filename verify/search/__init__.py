"""The search for the worst input: guided, judged by the oracle, shrunk, and kept.

`hunt` looks, `mutate` varies rows, `asking` puts a batch of them to a backend and scores it,
`shrink` makes the find short and round, `corpus` keeps it, `report` turns it into an outcome, and
`compare` holds the guided search against random sampling.
"""
