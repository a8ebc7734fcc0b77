"""Ends activities of sandboxed workflows by their task tokens, with the official client.

Arguments: address, task queue, folder in which the activities leave their tokens. Prints JSON.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from temporalio.client import AsyncActivityCancelledError, Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError


async def main(address: str, task_queue: str, tokens: str) -> None:
    client = await Client.connect(address)

    async def start(name: str):
        folder = Path(tokens) / name
        folder.mkdir()
        handle = await client.start_workflow(
            "Outside", str(folder), id=f"{task_queue}-{name}", task_queue=task_queue
        )
        return handle, folder

    async def activity(folder: Path, attempt: int):
        path = folder / f"attempt-{attempt}"
        while not path.exists():
            await asyncio.sleep(0.05)
        return client.get_async_activity_handle(task_token=path.read_bytes())

    workflow, folder = await start("completed")
    first = await activity(folder, 1)
    await first.heartbeat("half way")
    await first.fail(ApplicationError("once more", type="Stumbled"))
    second = await activity(folder, 2)
    details = (folder / "details-2").read_text()
    await second.complete("done in Python")
    completed = await workflow.result()

    workflow, folder = await start("failed")
    refused = await activity(folder, 1)
    await refused.fail(ApplicationError("no signature", type="Refused", non_retryable=True))
    failed = {}
    try:
        await workflow.result()
    except WorkflowFailureError as error:
        cause = error.cause.cause if error.cause else None
        assert isinstance(cause, ApplicationError), cause
        failed = {"type": cause.type, "message": cause.message}

    workflow, folder = await start("cancelled")
    cancelled = await activity(folder, 1)
    await workflow.cancel()
    heartbeat_said = ""
    while not heartbeat_said:
        try:
            await cancelled.heartbeat()
            await asyncio.sleep(0.05)
        except AsyncActivityCancelledError:
            heartbeat_said = "cancelled"
    await cancelled.report_cancellation()
    try:
        await workflow.result()
    except WorkflowFailureError:
        pass
    status = (await workflow.describe()).status

    print(
        json.dumps(
            {
                "completed": completed,
                "details": details,
                "failed": failed,
                "heartbeat_said": heartbeat_said,
                "cancelled": status.name if status else None,
            }
        )
    )


asyncio.run(main(*sys.argv[1:]))
# Not the interpreter's own end: the SDK's threads may still call into it while it is torn down.
sys.stdout.flush()
os._exit(0)
