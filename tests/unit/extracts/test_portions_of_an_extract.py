"""Portions of an extract: all of it, in order, and as heavy as they are wanted."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.extracts.batches import RowBatch
from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.parquet import reader


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
def test_a_parquet_file_of_small_row_groups_is_cut_at_the_nearest(
    tmp_path: Path, group: int, most: int, found: list[int]
) -> None:
    table = pa.table({"x": [str(n) for n in range(1000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=group)
    with open_extract([tmp_path / "a.parquet"]) as extract:
        assert sizes(extract, most) == found


@pytest.mark.parametrize("most", [2, 3, 7])
@pytest.mark.parametrize("group", [1000, 370, 61])
def test_a_row_group_is_cut_between_batches_and_no_row_changes_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int, most: int
) -> None:
    monkeypatch.setattr(reader, "_BATCH_BYTES", 200)
    table = pa.table({"x": [f"{n:08}" for n in range(1000)], "y": pa.array(["a", "b"] * 500).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=group)
    with open_extract([tmp_path / "a.parquet"]) as extract:
        whole = [(batch.position.row, list(batch.columns[0])) for batch in extract.batches()]
        portions = extract.cut(most)
        read, found = list[list[RowBatch]](), list[int]()
        for (shard,) in portions:
            read.append([*extract.shard(shard)])
            found.append(extract.found_in(shard).records)
        again = [list(extract.reread(batch.position).columns[0]) for batches in read for batch in batches]
    assert [(batch.position.row, list(batch.columns[0])) for batches in read for batch in batches] == whole
    assert again == [cells for _, cells in whole]
    assert [cell for _, cells in whole for cell in cells] == table["x"].to_pylist()
    assert max(abs(sum(map(len, batches)) - 1000 / most) for batches in read) < 50
    assert len(portions) == most
    assert found == [sum(map(len, batches)) for batches in read]
