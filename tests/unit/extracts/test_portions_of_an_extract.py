"""Portions of an extract: all of it, in order, and as heavy as they are wanted."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.extracts.extract import Extract, open_extract


def sizes(extract: Extract, most: int, ahead: int = 0) -> list[int]:
    """Rows of each portion; that they are all rows in their order is looked at, too."""
    portions = extract.cut(most, ahead)
    read = [[cell for shard in shards for b in extract.shard(shard) for cell in b.columns[0]] for shards in portions]
    assert [cell for cells in read for cell in cells] == [cell for b in extract.batches() for cell in b.columns[0]]
    assert 1 <= len(read) <= most
    return [len(cells) for cells in read]


def csv(path: Path, rows: int) -> Path:
    path.write_text("x,y\n" + "".join(f"{n:05d},abc\n" for n in range(rows)))
    return path


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_portions_are_about_equal_or_the_first_is_ahead(tmp_path: Path, most: int) -> None:
    with open_extract([csv(tmp_path / "a.csv", 1000)]) as extract:
        assert all(abs(rows - 1000 / most) <= 2 for rows in sizes(extract, most))
        first, *others = sizes(extract, most, ahead=500)
        assert all(abs(first - rows - 50) <= 3 for rows in others)
        assert len(others) == most - 1
        first, *others = sizes(extract, most, ahead=1 << 30)
        assert all(0 < rows < first for rows in others)
        assert len(others) == most - 1


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 30])
@pytest.mark.parametrize("ahead", [0, 800])
def test_portions_of_several_files_are_all_of_them(tmp_path: Path, most: int, ahead: int) -> None:
    files = [csv(tmp_path / f"{n}.csv", rows) for n, rows in enumerate([300, 1, 0, 40, 500])]
    with open_extract(files) as extract:
        assert len(sizes(extract, most, ahead)) == most


@pytest.mark.parametrize(("group", "most", "found"), [(100, 2, [500, 500]), (400, 2, [400, 600]), (1000, 3, [1000])])
def test_a_parquet_file_is_cut_at_the_nearest_row_groups(
    tmp_path: Path, group: int, most: int, found: list[int]
) -> None:
    table = pa.table({"x": [str(n) for n in range(1000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=group)
    with open_extract([tmp_path / "a.parquet"]) as extract:
        assert sizes(extract, most) == found
