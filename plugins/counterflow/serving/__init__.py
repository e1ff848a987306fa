"""`counterflow serve`: the published warehouse over the network, read-only, an analyst a token.

    client ──Quack──▶ server.py ──Quack──▶ worker.py (one process an analyst, one publication)
                      tokens.py, queries.py, audit.py

Quack knows one token a server, no limit in time and no memory of one's own (docs/adr/0046). So each
analyst has a DuckDB of their own, in a process that can be ended without anybody else noticing, and
clients talk to a gate before them: it knows who asks, says what may be asked, writes down what was, and
leads a client that stays connected on to the next publication.
"""
