"""The official SDK's environment with time skipping, on `host server --time-skipping`.

Called with the address and the task queue of a scenario, which it does not need, and the program that stands for
Temporal's test server. Exits with 1 if anything differs from what the SDK promises.
"""

import asyncio
import sys
import time
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

DAY = timedelta(days=1)
QUEUE = "queue"


@activity.defn
async def third_time() -> int:
    attempt = activity.info().attempt
    if attempt < 3:
        raise RuntimeError("not yet")
    return attempt


@workflow.defn
class Patient:
    """Waits a month, then for an activity that is tried again after a day each."""

    def __init__(self) -> None:
        self.waited = False

    @workflow.run
    async def run(self) -> int:
        await asyncio.sleep(30 * DAY.total_seconds())
        self.waited = True
        return await workflow.execute_activity(
            third_time,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(initial_interval=DAY, backoff_coefficient=1.0),
        )

    @workflow.query
    def has_waited(self) -> bool:
        return self.waited


async def main() -> None:
    begun = time.monotonic()
    environment = await WorkflowEnvironment.start_time_skipping(test_server_existing_path=sys.argv[3])
    async with environment as env:
        assert env.supports_time_skipping
        before = await env.get_current_time()
        async with Worker(env.client, task_queue=QUEUE, workflows=[Patient], activities=[third_time]):
            attempts = await env.client.execute_workflow(Patient.run, id="patient", task_queue=QUEUE)
            assert attempts == 3, attempts
            passed = await env.get_current_time() - before
            assert 32 * DAY <= passed < 33 * DAY, passed

            handle = await env.client.start_workflow(Patient.run, id="asked", task_queue=QUEUE)
            await env.sleep(29 * DAY)
            assert not await handle.query(Patient.has_waited)
            await env.sleep(2 * DAY)
            assert await handle.query(Patient.has_waited)
            assert await handle.result() == 3
    assert time.monotonic() - begun < DAY.total_seconds()


if __name__ == "__main__":
    asyncio.run(main())
