"""The automations that `deploy` registers: a run whose worker died becomes a crashed one, and somebody is told.

Prefect's server carries them out, so that they also work where nothing of bulkload runs any more. Their payload has a
flow run's name and the message of its state, which quote no row.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, CallWebhook, ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from connectors.webhook import webhook_url
from pipelines.flows.bridge import TAG
from pipelines.flows.outcomes import ALERTS, RED, REJECTS
from schemas.errors import ConfigError

DEAD_AFTER_SECONDS = 90.0
"""Three heartbeats of the deployments in prefect.yaml."""

DEAD = "bulkload: mark dead runs"
"""The name of the automation that every deploy registers."""

BLOCK = "bulkload-notify"
"""The block that holds the URL of `--notify-webhook`."""

ENDED = ("Completed", "Failed", "Cancelled", "Crashed", "TimedOut", RED, REJECTS, ALERTS)
"""The names of states in which a run is over."""

TOLD = {
    "red": (RED, "Failed", "TimedOut"),
    "amber": (REJECTS, ALERTS),
    "late": ("Late", "Cancelled"),
    "dead": ("Crashed",),
}
"""What somebody is told of, by the names of states: a run that is cancelled did not load either."""

_MESSAGE = "event.resource['prefect.state-message']"


class Teller(NamedTuple):
    """The block that tells somebody.

    Attributes:
        block_id: of a webhook, or of a block of Prefect's that sends notifications.
        is_webhook: which of the two.
    """

    block_id: UUID
    is_webhook: bool

    def action(self, kind: str) -> ActionTypes:
        """What tells of a kind of `TOLD`."""
        if not self.is_webhook:
            return SendNotification(
                block_document_id=self.block_id,
                subject=f"bulkload {kind}: {{{{ flow_run.name }}}}",
                body=f"{{{{ {_MESSAGE} }}}}\n\n{{{{ flow_run|ui_url }}}}",
            )
        members = {
            "text": f"'bulkload {kind}: ' ~ flow_run.name ~ ': ' ~ {_MESSAGE}",
            "kind": f"'{kind}'",
            "flow_run": "flow_run.name",
            "deployment": "deployment.name",
            "state": "event.resource['prefect.state-name']",
            "message": _MESSAGE,
            "url": "flow_run|ui_url",
        }
        lines = (f"{json.dumps(name)}: {{{{ ({value})|string|tojson }}}}" for name, value in members.items())
        return CallWebhook(block_document_id=self.block_id, payload=f"{{{', '.join(lines)}}}")


def webhook_teller(url: str) -> Teller:
    """Keeps a URL in Prefect's block of webhooks, in place of an earlier one.

    Raises:
        ConfigError: it is no URL to post to; the message does not show it.
    """
    webhook_url(url, "--notify-webhook")
    block = Webhook(url=url, headers={"Content-Type": "application/json"})
    return Teller(UUID(str(block.save(BLOCK, overwrite=True))), is_webhook=True)


def block_teller(client: SyncPrefectClient, name: str) -> Teller:
    """The block of a name such as `slack-webhook/operations`.

    Raises:
        ConfigError: there is no such block, or it tells nobody.
    """
    kind, _, block_name = name.partition("/")
    try:
        block = client.read_block_document_by_name(block_name, kind)
    except ObjectNotFound:
        raise ConfigError(
            f"--notify-block: Prefect has no block {name}; `prefect block ls` lists them as TYPE/NAME"
        ) from None
    able = block.block_schema.capabilities if block.block_schema else []
    if kind != "webhook" and "notify" not in able:
        raise ConfigError(f"--notify-block: {name} is neither a webhook nor a block that sends notifications")
    return Teller(block.id, is_webhook=kind == "webhook")


def register(client: SyncPrefectClient, teller: Teller | None, dead_after: float = DEAD_AFTER_SECONDS) -> list[str]:
    """Creates the automations, or brings them up to date; one that was switched off stays off.

    Args:
        client: of the server.
        teller: None registers only what marks dead runs, and leaves the others as they are.
        dead_after: seconds without a heartbeat after which a run counts as dead.

    Returns:
        Their names.
    """
    made = [_dead(dead_after)]
    if teller is not None:
        made += [_told(kind, states, teller) for kind, states in TOLD.items()]
    for automation in made:
        for known in client.read_automations_by_name(automation.name):
            client.update_automation(known.id, automation.model_copy(update={"enabled": known.enabled}))
            break
        else:
            client.create_automation(automation)
    return [automation.name for automation in made]


def _dead(after: float) -> AutomationCore:
    """Marks a run as crashed once its heartbeats stay away; the states of ours must be named, as they end it, too."""
    return AutomationCore(
        name=DEAD,
        description="A worker that is killed cannot say so: a run without a heartbeat is crashed.",
        enabled=True,
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{name}" for name in ENDED)},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=after),
            **_ours(),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"no heartbeat for {after:g} s: the worker died, or its machine is away. `bulkload runs` says "
                "how far the load is; run it again with the same parameters, and it resumes",
            )
        ],
    )


def _told(kind: str, states: tuple[str, ...], teller: Teller) -> AutomationCore:
    return AutomationCore(
        name=f"bulkload: tell of {kind} runs",
        description=f"Runs that become {' or '.join(states)}.",
        enabled=True,
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{name}" for name in states},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
            **_ours(),
        ),
        actions=[teller.action(kind)],
    )


def _ours() -> Mapping[str, Any]:
    """Of a trigger: flow runs of ours, each by itself."""
    tag = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
    return {
        "match": ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        "match_related": ResourceSpecification(tag),
        "for_each": {"prefect.resource.id"},
    }
