"""Runs in an environment of its own, beside Counterflow's: anonypy (Mondrian) on a Parquet file.

In: a file of quasi-identifiers, k. Out: one line of JSON. Records of a class show, in place of their values, the set of all values of the
class: a set of one is shown, a set of every value of the column shows nothing and counts as suppressed, any other is coarsened.
"""

import json
import resource
import sys
import time

import pandas as pd
from anonypy.mondrian import Mondrian


def main() -> None:
    """Anonymise, count, print."""
    path, k = sys.argv[1], int(sys.argv[2])
    cases = pd.read_parquet(path)
    empty = cases.isna()
    text = cases.astype(object).where(~empty, "null").astype(str).astype("category")
    started, worked = time.perf_counter(), time.process_time()
    classes = Mondrian(text, list(text.columns)).partition(k)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    cells = suppressed = coarsened = 0
    for name in text.columns:
        every = text[name].nunique()
        for members in classes:
            filled = int((~empty.loc[members, name]).sum())
            values = text.loc[members, name].nunique()
            cells += filled
            suppressed += filled if values == every > 1 else 0
            coarsened += filled if 1 < values < every else 0
    found = {
        "suppressed": suppressed / cells,
        "coarsened": coarsened / cells,
        "withheld": 0,
        "min_class": min(len(members) for members in classes),
        "seconds": seconds,
        "cpu": cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
