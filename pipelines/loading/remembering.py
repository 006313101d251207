"""The end of a load of a feed: what the feed has had accepted is written down, and what has left its extract."""

from connectors.run_folder.folder import atomic_write
from connectors.run_folder.results import write_keys
from pipelines.account.accountant import RunCounts
from pipelines.deliver.ledger import Ledger
from pipelines.feeds.feed import FeedLoad
from pipelines.feeds.of_load import vanished_keys
from pipelines.loading.opening import OpenRun
from schemas.states import State
from schemas.texts import many


def remember(run: OpenRun, ledger: Ledger, feed: FeedLoad, counts: RunCounts) -> list[str]:
    """Writes down what a feed has had accepted; returns what is to be said of keys that have left its extract.

    A load that a guard stopped leaves the feed as it was.

    Args:
        run: the load.
        ledger: what became of its requests.
        feed: what of them was not sent.
        counts: of its rows.

    Raises:
        RunFolderError: it cannot be written.
    """
    if not feed.is_begun:
        return []
    is_whole = run.spec.replayed is None
    gone = vanished_keys(feed, run.spec.options.runs) if is_whole else []
    if gone:
        with atomic_write(run.folder.vanished) as part:
            write_keys(part, gone)
    is_full = not feed.wanted.changed_only and not counts.rows[State.NOT_SENT]
    feed.settle(ledger, run.folder, run.journal_from, is_whole=is_whole, is_full=is_full)
    if not is_whole or not feed.vanished:
        return []
    where = "vanished.csv names them" if gone else "the last run, which could name them, is not there any more"
    return [f"{many(feed.vanished, 'key', 'keys')} of the feed's last extract not in this one: {where}"]
