"""Runs in an environment of its own, beside Counterflow's: ANJANA on a Parquet file.

In: a file of quasi-identifiers, k, how many per cent of records may be dropped. Out: one line of JSON.
Every column has one step, suppression: the definition under which all methods are compared.
"""

import json
import resource
import sys
import time

import pandas as pd
from anjana.anonymity import k_anonymity
from pycanon import anonymity


def main() -> None:
    """Anonymise, count, print."""
    path, k, dropped = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    cases = pd.read_parquet(path)
    empty = cases.isna()
    names = list(cases.columns)
    text = cases.astype(object).where(~empty, "null").astype(str)
    steps = {name: {0: text[name].values, 1: ["*"] * len(text)} for name in names}
    started, worked = time.perf_counter(), time.process_time()
    made = k_anonymity(text, [], names, k, dropped, steps)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    shown = int(((made[names] != "*") & (made[names] != "null")).to_numpy().sum())
    cells = int((~empty).to_numpy().sum())
    found = {
        "suppressed": 1 - shown / cells,
        "withheld": len(cases) - len(made),
        "min_class": int(anonymity.k_anonymity(made, names)) if len(made) else 0,
        "seconds": seconds,
        "cpu": cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
