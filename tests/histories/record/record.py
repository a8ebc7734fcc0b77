"""Records histories of Python workflows on a Temporal server: record.py ADDRESS FOLDER.

Needs the package temporalio (1.35). Each history goes to FOLDER/NAME.json, as `temporal workflow show
--output json` writes it, without the names of the machine that recorded it.
"""

import asyncio
import json
import re
import sys
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import workflows as w

QUEUE = "record"
ACCEPTED = WorkflowUpdateStage.ACCEPTED


async def ended(handle: WorkflowHandle) -> None:
    """However it ends."""
    try:
        await handle.result()
    except WorkflowFailureError:
        pass


async def signals(client: Client) -> WorkflowHandle:
    handle = await client.start_workflow(
        w.Signals.run, id="signals", task_queue=QUEUE, start_signal="name", start_signal_args=["one"]
    )
    await handle.signal(w.Signals.name, "two")
    await asyncio.sleep(0.3)
    await asyncio.gather(handle.signal(w.Signals.name, "three"), handle.signal("unknown", 1))
    await handle.signal(w.Signals.last)
    return handle


async def updates(client: Client) -> WorkflowHandle:
    handle = await client.start_workflow(w.Updates.run, id="updates", task_queue=QUEUE)
    await handle.execute_update(w.Updates.add, "one")
    for refused in (w.Updates.add, ""), (w.Updates.refuse, "two"):
        try:
            await handle.execute_update(*refused)
        except WorkflowUpdateFailedError:
            pass
    three = await handle.start_update(w.Updates.add, "three", wait_for_stage=ACCEPTED)
    await handle.execute_update(w.Updates.add, "four")
    await three.result()
    await handle.execute_update(w.Updates.finish)
    return handle


async def external(client: Client) -> WorkflowHandle:
    await client.start_workflow(w.Waits.run, id="waits", task_queue=QUEUE)
    return await client.start_workflow(w.External.run, "waits", id="external", task_queue=QUEUE)


async def waits(client: Client, id: str, end: str) -> WorkflowHandle:
    timeout = timedelta(seconds=1) if end == "time out" else None
    handle = await client.start_workflow(
        w.Waits.run, id=id, task_queue=QUEUE, execution_timeout=timeout
    )
    await asyncio.sleep(0.5)
    if end == "cancel":
        await handle.cancel()
    elif end == "terminate":
        await handle.terminate("enough")
    return handle


async def reset(client: Client) -> WorkflowHandle:
    handle = await client.start_workflow(w.Activities.run, id="reset", task_queue=QUEUE)
    await handle.result()
    response = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id="reset"),
            reason="again",
            workflow_task_finish_event_id=10,
            request_id="again",
        )
    )
    return client.get_workflow_handle("reset", run_id=response.run_id)


async def still_open(client: Client) -> WorkflowHandle:
    handle = await client.start_workflow(w.Updates.run, id="open", task_queue=QUEUE)
    await handle.execute_update(w.Updates.add, "one")
    return handle


async def record(client: Client, folder: Path) -> None:
    async def simple(run, *args, **options) -> WorkflowHandle:
        id = re.sub(r"(?<!^)(?=[A-Z])", "_", run.__qualname__.split(".")[0]).lower()
        return await client.start_workflow(run, *args, id=id, task_queue=QUEUE, **options)

    started = [
        simple(w.Activities.run),
        simple(w.Retries.run),
        simple(w.ActivityTimeouts.run),
        simple(w.Heartbeats.run),
        simple(w.Timers.run),
        simple(w.ActivityCancellation.run),
        simple(w.Children.run),
        simple(w.LocalActivities.run),
        simple(w.LocalActivityBackoff.run, task_timeout=timedelta(seconds=2)),
        simple(w.Patches.run),
        simple(w.Again.run, 1),
        simple(w.Attributes.run),
        simple(w.FailedTask.run),
        simple(w.TimedOutTask.run, task_timeout=timedelta(seconds=1)),
        simple(w.Fails.run),
        signals(client),
        updates(client),
        external(client),
        waits(client, "canceled", "cancel"),
        waits(client, "terminated", "terminate"),
        waits(client, "timed_out", "time out"),
        reset(client),
        still_open(client),
    ]
    for handle in await asyncio.gather(*started):
        if handle.id != "open":
            await ended(handle)
        run_id = handle.run_id or handle.first_execution_run_id
        of_run = client.get_workflow_handle(handle.id, run_id=run_id)
        history = (await of_run.fetch_history()).to_json_dict()
        path = folder / f"{handle.id}.json"
        path.write_text(json.dumps(scrubbed(history), indent=1, ensure_ascii=False) + "\n")
        print(path, len(history["events"]))


def scrubbed(value):
    """Without the names of processes and machines, and without stack traces, which name folders."""
    if isinstance(value, list):
        return [scrubbed(item) for item in value]
    if isinstance(value, str):
        # The name of a worker's own queue has the process and the machine in it.
        return re.sub(r"^\d+@[^:]+", "recorder", value)
    if not isinstance(value, dict):
        return value
    replaced = {"identity": "recorder", "stackTrace": "", "workerInstanceKey": ""}
    return {key: replaced.get(key, scrubbed(item)) for key, item in value.items()}


async def main() -> None:
    address, folder = sys.argv[1], Path(sys.argv[2])
    client = await Client.connect(address)
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"Corner": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        )
    )
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=w.WORKFLOWS,
        activities=w.ACTIVITIES,
        # A task that sleeps is to time out, not to be called a deadlock; state is to outlive a task.
        debug_mode=True,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        await record(client, folder)


asyncio.run(main())
