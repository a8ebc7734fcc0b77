"""Activities that clients pause, unpause, reset and change, under the official client and worker.

Arguments and report as those of machines.py.
"""

import asyncio
import sys
from datetime import timedelta

import machines
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from machines import CASES, Run, activity_started, case
from temporalio import activity, workflow
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import RetryPolicy as RetryPolicyProto
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
)
from temporalio.client import RPCError, WorkflowHandle
from temporalio.common import RetryPolicy

CASES.clear()
LONG = timedelta(seconds=60)

# What activities are to do, by workflow id.
FREED: set[str] = set()
FAILING: set[str] = set()


@activity.defn
async def work() -> int:
    """Lasts until it is freed, or fails; answers its attempt."""
    workflow_id = activity.info().workflow_id
    while workflow_id not in FREED:
        if workflow_id in FAILING:
            raise RuntimeError("it fails")
        activity.heartbeat("beat")
        await asyncio.sleep(0.05)
    return activity.info().attempt


@workflow.defn(sandboxed=False)
class Works:
    """One activity of three attempts."""

    @workflow.run
    async def run(self, interval: float = 0.1, attempts: int = 3) -> int:
        policy = RetryPolicy(
            initial_interval=timedelta(seconds=interval), backoff_coefficient=1.0, maximum_attempts=attempts
        )
        return await workflow.execute_activity(
            work, activity_id="it", start_to_close_timeout=LONG, retry_policy=policy
        )


def named(run: Run, request: type, **fields: object) -> object:
    execution = WorkflowExecution(workflow_id=run.id())
    return request(namespace="default", execution=execution, **fields)


async def pending(handle: WorkflowHandle) -> object:
    """The activity of a workflow, once it is scheduled."""
    while not (found := (await handle.describe()).raw_description.pending_activities):
        await asyncio.sleep(0.05)
    return found[0]


async def until_state(handle: WorkflowHandle, wanted: str, attempt: int | None = None) -> object:
    state = PendingActivityState.Value(f"PENDING_ACTIVITY_STATE_{wanted}")
    for _ in range(200):
        found = await pending(handle)
        if found.state == state and attempt in (None, found.attempt):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"it is {PendingActivityState.Name(found.state)}, attempt {found.attempt}")


async def started(run: Run, *arguments: object) -> WorkflowHandle:
    handle = await run.start(Works, *arguments)
    await activity_started(handle)
    return handle


async def refusal(call: object) -> str:
    try:
        answer = await call
    except RPCError as error:
        return f"{error.status.name}: {error.message}"
    raise AssertionError(f"not refused: {answer!r}")


@case
async def paused_while_backing_off(run: Run) -> None:
    FAILING.add(run.id())
    handle = await run.start(Works, 30.0)
    await until_state(handle, "SCHEDULED", 2)
    service = run.client.workflow_service
    await service.pause_activity(named(run, PauseActivityRequest, id="it"))
    found = await until_state(handle, "PAUSED", 2)
    FAILING.discard(run.id())
    FREED.add(run.id())
    await service.unpause_activity(named(run, UnpauseActivityRequest, id="it", reset_attempts=True))
    assert await handle.result() == 1


@case
async def reset_while_backing_off(run: Run) -> None:
    FAILING.add(run.id())
    handle = await run.start(Works, 30.0)
    await until_state(handle, "SCHEDULED", 2)
    FAILING.discard(run.id())
    FREED.add(run.id())
    await run.client.workflow_service.reset_activity(named(run, ResetActivityRequest, id="it"))
    assert await handle.result() == 1


@case
async def options_of_an_activity(run: Run) -> None:
    FAILING.add(run.id())
    handle = await run.start(Works, 30.0)
    await until_state(handle, "SCHEDULED", 2)
    FAILING.discard(run.id())
    FREED.add(run.id())
    service = run.client.workflow_service
    asked = ActivityOptions(
        start_to_close_timeout=Duration(seconds=5),
        retry_policy=RetryPolicyProto(initial_interval=Duration(seconds=1), maximum_attempts=7),
    )
    mask = FieldMask(
        paths=["start_to_close_timeout", "retry_policy.initial_interval", "retry_policy.maximum_attempts"]
    )
    changed = await service.update_activity_options(
        named(run, UpdateActivityOptionsRequest, id="it", activity_options=asked, update_mask=mask)
    )
    options = changed.activity_options
    assert options.start_to_close_timeout.seconds == 5 and options.retry_policy.maximum_attempts == 7, options
    assert await handle.result() == 2


@case
async def options_are_restored(run: Run) -> None:
    handle = await started(run)
    service = run.client.workflow_service
    asked = ActivityOptions(heartbeat_timeout=Duration(seconds=7))
    mask = FieldMask(paths=["heartbeat_timeout"])
    await service.update_activity_options(
        named(run, UpdateActivityOptionsRequest, type="work", activity_options=asked, update_mask=mask)
    )
    assert (await pending(handle)).activity_options.heartbeat_timeout.seconds == 7
    await service.update_activity_options(named(run, UpdateActivityOptionsRequest, id="it", restore_original=True))
    assert (await pending(handle)).activity_options.heartbeat_timeout.seconds == 0
    FREED.add(run.id())
    await handle.result()


@case
async def refused_operations(run: Run) -> None:
    handle = await started(run)
    service = run.client.workflow_service
    for call, request in (
        (service.pause_activity, named(run, PauseActivityRequest, id="none")),
        (service.unpause_activity, named(run, UnpauseActivityRequest, type="none")),
        (service.reset_activity, named(run, ResetActivityRequest, id="none")),
    ):
        said = await refusal(call(request))
        assert said.startswith("NOT_FOUND: Can't find pending activity"), said
    said = await refusal(service.pause_activity(named(run, PauseActivityRequest)))
    assert said.startswith("INVALID_ARGUMENT"), said
    said = await refusal(service.update_activity_options(named(run, UpdateActivityOptionsRequest, id="it")))
    assert said.startswith("INVALID_ARGUMENT: ActivityOptions are not provided"), said
    FREED.add(run.id())
    await handle.result()
    said = await refusal(service.pause_activity(named(run, PauseActivityRequest, id="it")))
    assert said.startswith("NOT_FOUND"), said


if __name__ == "__main__":
    machines.WORKFLOWS[:] = [Works]
    machines.ACTIVITIES[:] = [work]
    asyncio.run(machines.main(*sys.argv[1:]))
