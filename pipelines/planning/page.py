"""plan.html: what a load would do on one page, in one file that needs no network and runs no script.

Unlike report.html it shows cells, from what LUSID holds to what would be sent: it is as private as plan.parquet.
"""

from connectors.run_folder.folder import atomic_write
from pipelines.planning.differences import text_of
from pipelines.planning.effect import SENT, Effect
from pipelines.planning.making import EXAMPLES, Plan
from pipelines.report.html import template

MOST_MEMBERS = 50
"""Members that the page lists."""


def write_page(plan: Plan) -> None:
    """Writes the page of a plan beside it.

    Raises:
        RunFolderError: it cannot be written.
    """
    text = template("plan.html.j2").render(
        plan=plan,
        effects=list(Effect),
        sent=SENT,
        total=plan.keys.total(),
        members=plan.members.most_common(MOST_MEMBERS),
        most=EXAMPLES,
        text_of=text_of,
    )
    with atomic_write(plan.page) as part:
        part.write_text(text, "utf-8")
