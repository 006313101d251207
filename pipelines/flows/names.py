"""What a flow run is called and tagged in Prefect's lists: what it loads, and for which date."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from pipelines.flows.bridge import TAG
from pipelines.flows.form import Form
from schemas.option_types import business_dates


def folder_name(what: str) -> Callable[[], str]:
    """What names the runs of a flow that loads a folder."""

    def named() -> str:
        return f"{what} {date_of_run()} of {flow_run.parameters['folder']}"

    return named


def load_name() -> str:
    """The name of a run that loads one extract."""
    return f"load {flow_run.parameters['operation']} {date_of_run()}"


def date_of_run() -> date:
    """The date that a run is for: as its parameters say, otherwise that on which it was to start, in their timezone."""
    found = flow_run.parameters or {}
    options = found.get("options") or {}
    given = options.given() if isinstance(options, Form) else options
    planned: datetime = flow_run.scheduled_start_time or datetime.now(UTC)
    try:
        day = (
            found.get("day")
            or given.get("date")
            or planned.astimezone(business_dates.zone(given.get("timezone") or "UTC")).date()
        )
        return day if isinstance(day, date) else business_dates.business_date(day)
    except ValueError:  # the load itself refuses it, and says so
        return planned.astimezone(UTC).date()


def tag() -> None:
    """Tags the flow run with its date, so that lists can be filtered by it; a load goes on where Prefect refuses."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    tags = {*context.flow_run.tags, TAG, str(date_of_run())}
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, tags=sorted(tags))
    except Exception as error:  # noqa: BLE001 - whatever Prefect's client raises
        logging.getLogger(__name__).info("the flow run could not be tagged (%s)", type(error).__name__)
