"""Writes the investors that the measurements load: `python make_extract.py FOLDER ROWS`."""

import sys
from pathlib import Path

from pipelines.sample.write import write_sample

if __name__ == "__main__":
    write_sample(
        Path(sys.argv[1]),
        investors=int(sys.argv[2]),
        accounts=10,
        blocks=4,
        orders=8,
        bad_rows=False,
        formats=("csv",),
    )
