"""Starts, cancels and lists sandboxed workflows with the official client, and saves a history.

Arguments: address, task queue, file for the history. Prints JSON.
"""

import asyncio
import json
import os
import sys

from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError


def order(order_id: str, card: str = "visa", packing_seconds: int = 1) -> dict:
    items = [{"sku": "tea", "quantity": 1, "price_cents": 100}]
    return {"id": order_id, "card": card, "packing_seconds": packing_seconds, "items": items}


async def main(address: str, task_queue: str, history_file: str) -> None:
    client = await Client.connect(address)

    async def start(workflow_id: str, argument: dict):
        return await client.start_workflow(
            "Orders", argument, id=f"{task_queue}-{workflow_id}", task_queue=task_queue
        )

    done = await start("done", order("py"))
    result = await done.result()
    with open(history_file, "w", encoding="utf-8") as file:
        file.write((await done.fetch_history()).to_json())

    cancelled = await start("cancelled", order("py-c", packing_seconds=3600))
    while not any(
        event.HasField("timer_started_event_attributes")
        for event in (await cancelled.fetch_history()).events
    ):
        await asyncio.sleep(0.1)
    await cancelled.cancel()
    try:
        await cancelled.result()
    except WorkflowFailureError:
        pass

    failure = {}
    declined = await start("declined", order("py-d", card="declined"))
    try:
        await declined.result()
    except WorkflowFailureError as error:
        cause = error.cause
        while cause is not None and not isinstance(cause, ApplicationError):
            assert isinstance(cause, ActivityError), cause
            cause = cause.cause
        assert cause is not None
        failure = {"type": cause.type, "non_retryable": cause.non_retryable, "message": cause.message}

    # Visibility follows a moment later.
    listed: list[str] = []
    for _ in range(100):
        query = f'WorkflowType = "Orders" AND TaskQueue = "{task_queue}"'
        listed = [workflow.id async for workflow in client.list_workflows(query)]
        if len(listed) == 3:
            break
        await asyncio.sleep(0.1)

    status = (await cancelled.describe()).status
    print(
        json.dumps(
            {
                "result": result,
                "cancelled": status.name if status else None,
                "failure": failure,
                "listed": listed,
            }
        )
    )


asyncio.run(main(*sys.argv[1:]))
# Not the interpreter's own end: the SDK's threads may still call into it while it is torn down.
sys.stdout.flush()
os._exit(0)
