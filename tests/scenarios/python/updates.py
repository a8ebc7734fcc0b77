"""Updates under the official client and worker: the cases of the feature suites, and what else clients see of them.

Arguments and report as those of machines.py.
"""

import asyncio
import sys
from collections import Counter
from datetime import timedelta

import machines
from machines import CASES, GAP, Run, case, ended, idle, in_task
from temporalio import activity, workflow
from temporalio.client import (
    RPCError,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

CASES.clear()
ACCEPTED = WorkflowUpdateStage.ACCEPTED
USE_EXISTING = WorkflowIDConflictPolicy.USE_EXISTING

# Calls of a handler so far, for those that behave differently the second time.
calls: Counter = Counter()


@activity.defn
async def twice(number: int) -> int:
    return 2 * number


@workflow.defn(sandboxed=False)
class Account:
    """A sum that updates change until `end`."""

    def __init__(self) -> None:
        self.sum = 0
        self.log: list[str] = []
        self.is_over = False
        self.is_free = False

    @workflow.run
    async def run(self, then: str = "") -> int:
        if then == "block":
            calls[workflow.info().workflow_id] += 1
            if calls[workflow.info().workflow_id] == 1:
                machines.time.sleep(2 * GAP)
        await workflow.wait_condition(lambda: self.is_over)
        if then == "continue" and workflow.info().continued_run_id is None:
            workflow.continue_as_new("continue")
        return self.sum

    @workflow.signal
    def end(self) -> None:
        self.is_over = True

    @workflow.signal
    def free(self) -> None:
        self.is_free = True

    @workflow.signal
    def note(self, text: str) -> None:
        self.log.append(text)

    @workflow.query
    def total(self) -> int:
        return self.sum

    @workflow.update
    def add(self, number: int) -> int:
        self.sum += number
        return self.sum

    @add.validator
    def validate_add(self, number: int) -> None:
        if number < 0:
            raise ApplicationError("only more", "detail", type="TooLittle")

    @workflow.update
    async def add_twice(self, number: int) -> int:
        self.sum += await workflow.execute_activity(twice, number, start_to_close_timeout=machines.SHORT)
        return self.sum

    @workflow.update
    async def add_late(self, number: int) -> int:
        await workflow.wait_condition(lambda: self.is_free)
        self.sum += number
        return self.sum

    @workflow.update
    def fail(self) -> None:
        raise ApplicationError("does not work", "detail", type="Fails")

    @workflow.update
    def break_once(self) -> str:
        calls[workflow.info().workflow_id] += 1
        if calls[workflow.info().workflow_id] == 1:
            raise RuntimeError("a bug")
        return "repaired"

    @workflow.update
    def finish(self) -> int:
        self.is_over = True
        return self.sum

    @workflow.update
    async def never(self) -> None:
        self.is_over = True
        await workflow.wait_condition(lambda: False)


async def account(run: Run, *arguments: object, **options: object) -> WorkflowHandle:
    """An account whose worker has nothing to do."""
    handle = await run.start(Account, *arguments, **options)
    await idle(handle)
    return handle


async def close(handle: WorkflowHandle) -> None:
    await handle.signal(Account.end)
    await ended(handle)


async def refusal(update: object) -> str:
    """The code of an update that the service refuses, with its text."""
    try:
        answer = await update
    except RPCError as error:
        return f"{error.status.name}: {error.message}"
    raise AssertionError(f"not refused: {answer!r}")


async def failure(update: object) -> str:
    """The failure of an update, as its type and message."""
    try:
        answer = await update
    except WorkflowUpdateFailedError as error:
        return f"{error.cause.type}: {error.cause.message}"
    raise AssertionError(f"not failed: {answer!r}")


@case
async def basic(run: Run) -> None:
    handle = await account(run)
    assert await handle.execute_update(Account.add, 1) == 1
    assert await handle.execute_update(Account.add, 2) == 3
    assert await handle.query(Account.total) == 3
    await close(handle)


@case
async def before_a_delayed_start(run: Run) -> None:
    handle = await run.start(Account, start_delay=timedelta(seconds=60))
    assert await handle.execute_update(Account.add, 1) == 1
    await close(handle)


@case
async def rejected(run: Run) -> None:
    handle = await account(run)
    for _ in range(3):
        assert await failure(handle.execute_update(Account.add, -1)) == "TooLittle: only more"
    assert await handle.execute_update(Account.add, 1) == 1
    update = await handle.start_update(Account.add, -1, wait_for_stage=ACCEPTED)
    assert await failure(update.result()) == "TooLittle: only more"
    await close(handle)


@case
async def rejected_after_events(run: Run) -> None:
    """Events that the worker gets together with an update that it rejects."""
    handle = await account(run)
    await handle.signal(Account.note, "one")
    assert await failure(handle.execute_update(Account.add, -1)) == "TooLittle: only more"
    assert await handle.execute_update(Account.add_twice, 1) == 2
    assert await failure(handle.execute_update(Account.add, -1)) == "TooLittle: only more"
    await close(handle)


@case
async def accepted_first(run: Run) -> None:
    handle = await account(run)
    update = await handle.start_update(Account.add_late, 5, wait_for_stage=ACCEPTED)
    await idle(handle)
    await handle.signal(Account.free)
    assert await update.result() == 5
    again = handle.get_update_handle(update.id)
    assert await again.result() == 5
    await close(handle)
    assert await handle.get_update_handle(update.id).result() == 5


@case
async def with_activity(run: Run) -> None:
    handle = await account(run)
    assert await handle.execute_update(Account.add_twice, 4) == 8
    await close(handle)


@case
async def deduplicated(run: Run) -> None:
    handle = await account(run)
    first = await handle.start_update(Account.add_late, 1, id="same", wait_for_stage=ACCEPTED)
    second = await handle.start_update(Account.add_late, 1, id="same", wait_for_stage=ACCEPTED)
    await handle.signal(Account.free)
    assert (await first.result(), await second.result()) == (1, 1)
    assert await handle.execute_update(Account.add, 100, id="same") == 1
    await close(handle)
    assert await handle.execute_update(Account.add, 100, id="same") == 1


@case
async def fails(run: Run) -> None:
    handle = await account(run)
    assert await failure(handle.execute_update(Account.fail)) == "Fails: does not work"
    await close(handle)


@case
async def task_fails(run: Run) -> None:
    handle = await account(run)
    assert await handle.execute_update(Account.break_once) == "repaired"
    await close(handle)


@case
async def without_handler(run: Run) -> None:
    handle = await account(run)
    said = await failure(handle.execute_update("unknown"))
    assert "unknown" in said, said
    await close(handle)


@case
async def ends_the_workflow(run: Run) -> None:
    handle = await account(run)
    assert await handle.execute_update(Account.finish) == 0
    await ended(handle)


@case
async def workflow_ends_first(run: Run) -> None:
    handle = await account(run)
    expected = "AcceptedUpdateCompletedWorkflow: Workflow Update failed because the Workflow completed before the Update completed."
    assert await failure(handle.execute_update(Account.never, id="never")) == expected
    await ended(handle)
    assert await failure(handle.get_update_handle("never").result()) == expected
    assert await failure(handle.execute_update(Account.never, id="never")) == expected


@case
async def of_a_closed_workflow(run: Run) -> None:
    handle = await account(run)
    await close(handle)
    assert await refusal(handle.execute_update(Account.add, 1)) == "NOT_FOUND: workflow execution already completed"


@case
async def of_no_workflow(run: Run) -> None:
    handle = run.handle("-absent")
    said = await refusal(handle.execute_update(Account.add, 1))
    assert said.startswith("NOT_FOUND: workflow not found for ID: "), said
    handle = await account(run)
    said = await refusal(handle.get_update_handle("absent").result())
    assert said == 'NOT_FOUND: update "absent" not found', said
    await close(handle)


@case
async def terminated_meanwhile(run: Run) -> None:
    handle = await run.start(Account, "block")
    await in_task(handle)
    update = asyncio.create_task(refusal(handle.execute_update(Account.add, 1)))
    await asyncio.sleep(GAP / 2)
    await handle.terminate("meanwhile")
    said = await update
    assert said == "NOT_FOUND: workflow update was aborted by closing workflow", said


@case
async def during_a_task(run: Run) -> None:
    handle = await run.start(Account, "block")
    await in_task(handle)
    assert await handle.execute_update(Account.add, 1) == 1
    await close(handle)


@case
async def with_a_signal_during_a_task(run: Run) -> None:
    handle = await run.start(Account, "block")
    await in_task(handle)
    await handle.signal(Account.note, "meanwhile")
    assert await handle.execute_update(Account.add, 1) == 1
    await close(handle)


@case
async def continued(run: Run) -> None:
    handle = await account(run, "continue")
    assert await handle.execute_update(Account.add, 1, id="one") == 1
    await handle.signal(Account.end)
    await machines.until(
        run.client.get_workflow_handle(handle.id, run_id=handle.result_run_id),
        lambda types: types[-1] == "workflow_execution_continued_as_new",
    )
    # Another run, another id space.
    await idle(handle)
    assert await handle.execute_update(Account.add, 1, id="one") == 1
    await close(handle)


@case
async def in_flight_limit(run: Run) -> None:
    handle = await account(run)
    late = [await handle.start_update(Account.add_late, 1, wait_for_stage=ACCEPTED) for _ in range(10)]
    # The SDK tries again what has not enough room, until there is some.
    last = asyncio.create_task(handle.execute_update(Account.add, 1))
    await asyncio.sleep(GAP)
    assert not last.done()
    await handle.signal(Account.free)
    await asyncio.gather(*(update.result() for update in late))
    assert await last == 11
    await close(handle)


@case
async def deadline_of_the_caller(run: Run) -> None:
    handle = await account(run)
    try:
        await handle.execute_update(Account.add_late, 1, id="late", rpc_timeout=timedelta(seconds=1))
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        pass
    else:
        raise AssertionError("no deadline")
    await handle.signal(Account.free)
    # Else the signal that closes it may come before or after the task for this one starts.
    await handle.get_update_handle_for(Account.add_late, "late").result()
    await close(handle)


@case
async def without_worker(run: Run) -> None:
    """The task for an update becomes one as any other when no worker takes it."""
    options = {"id": run.id(), "task_queue": f"{machines.UNPOLLED}-{run.queue}"}
    handle = await run.client.start_workflow(Account.run, **options)
    run.ids.append(run.id())
    update = asyncio.create_task(handle.execute_update(Account.add, 1))
    await asyncio.sleep(GAP)
    await handle.terminate("no worker")
    try:
        await update
    except RPCError as error:
        assert error.message == "workflow update was aborted by closing workflow", error.message


def with_start(run: Run, policy: WorkflowIDConflictPolicy = USE_EXISTING) -> WithStartWorkflowOperation:
    run.ids.append(run.id())
    return WithStartWorkflowOperation(
        Account.run, "", id=run.id(), task_queue=run.queue, id_conflict_policy=policy
    )


@case
async def start_and_update(run: Run) -> None:
    for expected in (1, 2):
        start = with_start(run)
        update = run.client.execute_update_with_start_workflow(
            Account.add, 1, start_workflow_operation=start
        )
        assert await update == expected
        handle = await start.workflow_handle()
        await idle(handle)
    await close(handle)


@case
async def start_and_reject(run: Run) -> None:
    start = with_start(run)
    update = run.client.execute_update_with_start_workflow(Account.add, -1, start_workflow_operation=start)
    assert await failure(update) == "TooLittle: only more"
    await close(await start.workflow_handle())


@case
async def start_is_refused(run: Run) -> None:
    handle = await account(run)
    start = with_start(run, WorkflowIDConflictPolicy.FAIL)
    try:
        await run.client.execute_update_with_start_workflow(Account.add, 1, start_workflow_operation=start)
    except Exception as error:
        assert "already started" in str(error) or "already running" in str(error), repr(error)
    else:
        raise AssertionError("not refused")
    await close(handle)


@case
async def start_after_a_closed_run(run: Run) -> None:
    await close(await account(run))
    start = with_start(run)
    update = run.client.execute_update_with_start_workflow(
        Account.add, 1, start_workflow_operation=start, id="again"
    )
    assert await update == 1
    handle = await start.workflow_handle()
    await idle(handle)
    start = with_start(run)
    update = run.client.execute_update_with_start_workflow(
        Account.add, 1, start_workflow_operation=start, id="again"
    )
    assert await update == 1
    await close(handle)


if __name__ == "__main__":
    machines.WORKFLOWS[:] = [Account]
    machines.ACTIVITIES[:] = [twice]
    asyncio.run(machines.main(*sys.argv[1:]))
