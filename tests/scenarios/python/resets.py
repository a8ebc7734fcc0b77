"""Resets under the official client and worker: what the new run takes over, and what happens to it again.

Arguments and report as those of machines.py.
"""

import asyncio
import sys
import uuid

import machines
from machines import CASES, Run, case, idle
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import RPCError, WorkflowHandle

CASES.clear()
SIGNAL = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
UPDATE = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE


@workflow.defn(sandboxed=False)
class Log:
    """Notes of signals and updates until `end`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.is_over = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.is_over)
        return self.notes

    @workflow.signal
    def end(self) -> None:
        self.is_over = True

    @workflow.signal
    def note(self, text: str) -> None:
        self.notes.append(text)

    @workflow.update
    def add(self, text: str) -> int:
        self.notes.append(text)
        return len(self.notes)

    @add.validator
    def validate_add(self, text: str) -> None:
        if len(self.notes) >= 3:
            raise ValueError("full")


async def reset(handle: WorkflowHandle, event_id: int, run_id: str = "", **fields: object) -> WorkflowHandle:
    """Resets a run; answers a handle for the new one."""
    request = ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=run_id),
        reason="a test",
        request_id=str(fields.pop("request_id", uuid.uuid4())),
        workflow_task_finish_event_id=event_id,
        **fields,
    )
    answer = await handle._client.workflow_service.reset_workflow_execution(request)
    return handle._client.get_workflow_handle(handle.id, run_id=answer.run_id)


async def log(run: Run) -> WorkflowHandle:
    """A log whose worker has nothing to do."""
    handle = await run.start(Log)
    await idle(handle)
    return handle


async def close(handle: WorkflowHandle) -> list[str]:
    await handle.signal(Log.end)
    return await handle.result()


async def refusal(call: object) -> str:
    try:
        answer = await call
    except RPCError as error:
        return f"{error.status.name}: {error.message}"
    raise AssertionError(f"not refused: {answer!r}")


async def note(handle: WorkflowHandle, text: str) -> None:
    await handle.signal(Log.note, text)
    await idle(handle)


@case
async def signals_happen_again(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    await note(handle, "two")
    new = await reset(handle, 4)
    await idle(new)
    assert await close(new) == ["one", "two"]
    old = await run.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    assert old.status.name == "TERMINATED", old.status
    assert old.raw_description.workflow_extended_info.reset_run_id == new.run_id
    described = (await new.describe()).raw_description
    info = described.workflow_extended_info
    assert info.HasField("last_reset_time") and info.reset_run_id == ""
    assert described.workflow_execution_info.start_time == info.last_reset_time
    assert info.original_start_time.ToDatetime() < info.last_reset_time.ToDatetime()
    points = described.workflow_execution_info.auto_reset_points.points
    assert [point.first_workflow_task_completed_id for point in points]== [9], points


@case
async def signals_are_excluded(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    new = await reset(handle, 4, reset_reapply_exclude_types=[SIGNAL])
    await idle(new)
    assert await close(new) == []


@case
async def older_field_excludes(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    new = await reset(handle, 4, reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_NONE)
    await idle(new)
    assert await close(new) == []


@case
async def later_task(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    await note(handle, "two")
    new = await reset(handle, 8)
    await idle(new)
    assert await close(new) == ["one", "two"]


@case
async def closed_run(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    assert await close(handle) == ["one"]
    new = await reset(handle, 4)
    assert await new.result() == ["one"]


@case
async def closed_run_under_another(run: Run) -> None:
    handle = await log(run)
    first = handle.first_execution_run_id
    await close(handle)
    run.ids.clear()
    second = await log(run)
    await note(second, "of the second")
    new = await reset(handle, 4, first)
    assert await new.result() == []
    second = run.client.get_workflow_handle(handle.id, run_id=second.first_execution_run_id)
    assert (await second.describe()).status.name == "TERMINATED"


@case
async def updates_happen_again(run: Run) -> None:
    handle = await log(run)
    assert await handle.execute_update(Log.add, "one", id="first") == 1
    assert await handle.execute_update(Log.add, "two") == 2
    await idle(handle)
    new = await reset(handle, 4)
    await idle(new)
    again = new.get_update_handle("first", result_type=int)
    assert await again.result() == 1
    assert await close(new) == ["one", "two"]


@case
async def updates_are_excluded(run: Run) -> None:
    handle = await log(run)
    assert await handle.execute_update(Log.add, "one") == 1
    await idle(handle)
    await note(handle, "two")
    new = await reset(handle, 4, reset_reapply_exclude_types=[UPDATE])
    await idle(new)
    assert await close(new) == ["two"]


@case
async def twice(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    assert await handle.execute_update(Log.add, "two") == 2
    await idle(handle)
    new = await reset(handle, 4)
    await idle(new)
    newer = await reset(new, 4, new.run_id)
    await idle(newer)
    assert await close(newer) == ["one", "two"]


@case
async def what_cannot_be_reset(run: Run) -> None:
    handle = await log(run)
    await note(handle, "one")
    for event_id in (0, 1, 100):
        said = await refusal(reset(handle, event_id))
        assert said.startswith("INVALID_ARGUMENT: Workflow task finish ID must be > 1"), said
    for event_id in (2, 5):
        said = await refusal(reset(handle, event_id))
        assert said.startswith("INVALID_ARGUMENT: "), said
    said = await refusal(reset(run.client.get_workflow_handle("none"), 4))
    assert said.startswith("NOT_FOUND"), said
    said = await refusal(reset(handle, 4, str(uuid.uuid4())))
    assert said.startswith("NOT_FOUND"), said
    said = await refusal(reset(handle, 4, request_id=""))
    assert said.startswith("INVALID_ARGUMENT: RequestId is not set on request."), said
    await close(handle)


@case
async def same_request(run: Run) -> None:
    handle = await log(run)
    new = await reset(handle, 4, request_id="the same")
    await idle(new)
    again = await reset(handle, 4, request_id="the same")
    assert again.run_id == new.run_id
    assert await close(new) == []


if __name__ == "__main__":
    machines.WORKFLOWS[:] = [Log]
    machines.ACTIVITIES[:] = []
    asyncio.run(machines.main(*sys.argv[1:]))
