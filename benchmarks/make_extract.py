"""Writes what the measurements load: `python make_extract.py FOLDER ROWS`.

About as many rows of investors, of accounts and of orders, each as CSV and Parquet; and `changed.csv`, the investors
of whom one in two hundred has another name.
"""

import csv
import sys
from pathlib import Path

from pipelines.sample.write import write_sample

ROWS_OF_AN_ACCOUNT, ROWS_OF_A_BLOCK = 1.526, 2.5
"""As many rows as the sample has for each, on average: holders, and orders."""
CHANGED = 200
"""One investor in so many changes."""


def write(folder: Path, rows: int) -> None:
    """Writes the files."""
    write_sample(
        folder,
        investors=max(rows, 20),
        accounts=max(round(rows / ROWS_OF_AN_ACCOUNT), 8),
        blocks=max(round(rows / ROWS_OF_A_BLOCK), 4),
        orders=max(rows, 4),
        bad_rows=False,
    )
    with (
        (folder / "investors.csv").open(newline="", encoding="utf-8") as given,
        (folder / "changed.csv").open("w", newline="", encoding="utf-8") as made,
    ):
        rows_of, writer = csv.reader(given), csv.writer(made)
        header = next(rows_of)
        writer.writerow(header)
        name = header.index("display_name")
        for number, row in enumerate(rows_of):
            if number % CHANGED == 0:
                row[name] += " (new)"
            writer.writerow(row)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
