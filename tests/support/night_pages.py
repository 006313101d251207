"""Nights whose pages tests look at: two of one folder, and one whose extracts are hostile."""

from datetime import date
from pathlib import Path

from builders import IA_ID, IR_ID, account, investor, order, write_csv

from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport

HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
WRONG = {"investor_type": "Persn"}


class Nights:
    """Two nights of one folder, the second with a new reject, and the pages that they left."""

    def __init__(self, place: Path) -> None:
        self.place, self.runs = place, place / "runs"
        self.target = f"sandbox:{place / 's.db'}"
        self.first, self.second = self._night("26", []), self._night("27", [4])

    def _night(self, day: str, more: list[int]) -> NightlyReport:
        folder = self.place / "extracts" / f"202611{day}"
        folder.mkdir(parents=True)
        (folder / "night.yaml").write_text("owners: {names: {source: {investor-records: CRM team}}}\n")
        wrong = [3, *more]
        investors = [investor(n, WRONG if n in wrong else None) for n in range(1, 13)]
        accounts = [account(n, holder=n) for n in range(1, 13)]
        accounts += [
            account(n, holder=n, changes={"portfolio_key": "Portfolio2", "portfolio_code": f"X{n}"}) for n in wrong
        ]
        write_csv(folder / "investors.csv", investors)
        write_csv(folder / "accounts.csv", accounts)
        write_csv(folder / "orders.csv", [order(n, n, {"quantity": "x"} if n in wrong else None) for n in range(1, 4)])
        return nightly(folder, day=date(2026, 11, int(day)), runs=self.runs, target=self.target)

    def pages(self) -> list[Path]:
        """The pages of the second night, of its loads, and the index."""
        return pages_of(self.second)


def pages_of(night: NightlyReport) -> list[Path]:
    """The page of a night, those of its loads, and the index."""
    assert night.page is not None
    return [night.page, *(r.run_dir / "report.html" for r in night.reports), night.page.parents[2] / "index.html"]


def hostile_night(place: Path) -> list[Path]:
    """The pages of a night whose folder, keys and cells are markup with scripts."""
    folder = place / HOSTILE[:60].replace("/", "_")
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(1, {IR_ID: HOSTILE, "investor_type": HOSTILE}), investor(2)])
    write_csv(folder / "accounts.csv", [account(1, changes={IA_ID: HOSTILE, "account_type": HOSTILE})])
    return pages_of(nightly(folder, runs=place / "runs", target="sandbox"))


def large_nights(place: Path, hundreds: int) -> tuple[NightlyReport, NightlyReport]:
    """Two nights of 5,400 rows for each ten hundreds: in the second 30 invalid, 50 held by those, and two refused.

    In the first, one fewer is invalid and one is refused.
    """
    records, runs, target = 200 * hundreds, place / "runs", f"sandbox:{place / 's.db'}"
    holding_two, holding_one = 2 * hundreds, hundreds
    invalid = [*range(1, holding_two + 1), *range(records // 2, records // 2 + holding_one)]
    nights = []
    for day, wrong, refused in ((26, invalid[:-1], 1), (27, invalid, 2)):
        folder = place / "extracts" / f"202611{day}"
        folder.mkdir(parents=True)
        gone = set(wrong)
        rows = [investor(n, WRONG if n in gone else None) for n in range(1, records + 1)]
        write_csv(folder / "investors.csv", rows)
        holders = [*range(1, records + 1), *range(1, 40 * hundreds + 1)]
        write_csv(folder / "accounts.csv", [account(n, holder) for n, holder in enumerate(holders, 1)])
        prices = {"limit_price": "10", "limit_currency": "GBP"}
        blocks = [order(n, n, {"type": "Limit", **prices}) for n in range(1, 100 * hundreds + 1)]
        for row in blocks[7 : 7 + refused]:
            row["limit_price"] = row["limit_currency"] = ""
        blocks[8]["block_code"] += f"_{day}"  # a block that is in already keeps its price
        write_csv(folder / "orders.csv", blocks)
        nights.append(nightly(folder, day=date(2026, 11, day), runs=runs, target=target))
    return nights[0], nights[1]
