"""Batch operations by the official client: one after the other, as the server allows no more of a namespace at a time.

Arguments and report as those of machines.py.
"""

import asyncio
import sys
from collections.abc import Callable

import machines
import operations
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask
from machines import CASES, Run, case, ended, idle
from operations import FAILING, FREED, Works, activity_started, until_state
from temporalio import workflow
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.batch.v1 import (
    BatchOperationCancellation,
    BatchOperationDeletion,
    BatchOperationReset,
    BatchOperationResetActivities,
    BatchOperationSignal,
    BatchOperationTermination,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateActivityOptions,
    BatchOperationUpdateWorkflowExecutionOptions,
)
from temporalio.api.common.v1 import Payload, Payloads, ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import BatchOperationState
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeBatchOperationRequest,
    ListBatchOperationsRequest,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)
from temporalio.client import RPCError, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCStatusCode

# Also those of the module that was imported.
CASES.clear()
NAMESPACE = "default"
RUNNING = BatchOperationState.BATCH_OPERATION_STATE_RUNNING
NAMES = ("-one", "-two", "-three")
WHO = "ops"


@workflow.defn(sandboxed=False)
class Waits:
    """Ends by a signal, with what it says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: bool(self.said))
        return self.said

    @workflow.signal
    def say(self, text: str) -> None:
        self.said.append(text)


def selects(run: Run) -> str:
    return f"WorkflowId STARTS_WITH '{run.id()}-'"


async def waiting(run: Run, names: tuple[str, ...] = NAMES) -> list[WorkflowHandle]:
    """Runs that wait, once lists have them."""
    handles = [await run.start(Waits, suffix=name) for name in names]
    for handle in handles:
        await idle(handle)
    await listed(run, len(handles))
    return handles


async def listed(run: Run, count: int) -> None:
    request = CountWorkflowExecutionsRequest(namespace=NAMESPACE, query=selects(run))
    while (await run.client.workflow_service.count_workflow_executions(request)).count != count:
        await asyncio.sleep(0.05)


def request(run: Run, **fields: object) -> StartBatchOperationRequest:
    """An operation on all runs of a case, unless it says otherwise."""
    if "executions" not in fields:
        fields.setdefault("visibility_query", selects(run))
    fields = {"job_id": f"job-{run.id()}", "reason": "a test", **fields}
    return StartBatchOperationRequest(namespace=NAMESPACE, **fields)


async def start(run: Run, **fields: object) -> None:
    while True:
        try:
            await run.client.workflow_service.start_batch_operation(request(run, **fields))
            return
        except RPCError as error:
            # The one before is counted for a moment still.
            if error.status != RPCStatusCode.RESOURCE_EXHAUSTED:
                raise
        await asyncio.sleep(0.1)


async def describe(run: Run) -> object:
    asked = DescribeBatchOperationRequest(namespace=NAMESPACE, job_id=f"job-{run.id()}")
    return await run.client.workflow_service.describe_batch_operation(asked)


async def over(run: Run, name: str = "described") -> None:
    """Waits for the end of the operation of a case, and keeps what the service says of it, also in its list."""
    while (found := await describe(run)).state == RUNNING:
        await asyncio.sleep(0.05)
    # Server 1.29 does not repeat the filter.
    found.ClearField("query")
    run.answered(name, found)
    asked = ListBatchOperationsRequest(namespace=NAMESPACE, page_size=100)
    while True:
        answer = await run.client.workflow_service.list_batch_operations(asked)
        own = [info for info in answer.operation_info if info.job_id == found.job_id]
        # The list is brought up to date a little later.
        if own and own[0].state != RUNNING:
            # Server 1.29 does not say there which operation it is.
            run.answered(f"{name} in the list", own[0].state)
            return
        await asyncio.sleep(0.05)


async def batch(run: Run, **fields: object) -> None:
    await start(run, **fields)
    await over(run)


def text(said: str) -> Payloads:
    return Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=f'"{said}"'.encode())])


def signal(said: str = "go") -> dict[str, object]:
    return {"signal_operation": BatchOperationSignal(signal="say", input=text(said), identity=WHO)}


@case
async def signalled(run: Run) -> None:
    handles = await waiting(run)
    await batch(run, **signal("all"))
    for handle in handles:
        assert await handle.result() == ["all"]


@case
async def signalled_by_name(run: Run) -> None:
    handles = await waiting(run)
    first, second, third = handles
    named = [WorkflowExecution(workflow_id=handle.id) for handle in (first, third)]
    # One that is not there counts as done.
    await batch(run, executions=[*named, WorkflowExecution(workflow_id="no-such-run")], **signal("named"))
    assert await first.result() == await third.result() == ["named"]
    await second.signal("say", "later")
    await second.result()


@case
async def cancelled(run: Run) -> None:
    handles = await waiting(run)
    await batch(run, cancellation_operation=BatchOperationCancellation(identity=WHO))
    for handle in handles:
        await ended(handle)
        assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
        # Server 1.29 hands on neither reason nor identity.
        run.ids.remove(handle.id)


@case
async def terminated(run: Run) -> None:
    handles = await waiting(run)
    operation = BatchOperationTermination(details=text("a detail"), identity=WHO)
    await batch(run, termination_operation=operation)
    for handle in handles:
        await ended(handle)
        assert (await handle.describe()).status == WorkflowExecutionStatus.TERMINATED
        # Server 1.29 hands on neither details nor identity.
        run.ids.remove(handle.id)


@case
async def deleted(run: Run) -> None:
    handles = await waiting(run)
    # An open one is deleted half a minute later there.
    for handle in handles:
        await handle.terminate()
    await batch(run, deletion_operation=BatchOperationDeletion(identity=WHO))
    for handle in handles:
        while True:
            try:
                await handle.describe()
            except RPCError as error:
                assert error.status == RPCStatusCode.NOT_FOUND, error
                break
            await asyncio.sleep(0.05)
    await listed(run, 0)


@case
async def reset(run: Run) -> None:
    """An open run and a closed one; both go on as others."""
    handles = await waiting(run, NAMES[:2])
    await handles[0].signal("say", "before")
    await handles[0].result()
    options = ResetOptions(first_workflow_task=Empty())
    await batch(run, reset_operation=BatchOperationReset(options=options, identity=WHO))
    for handle, said in zip(handles, ("before", "after")):
        again = run.client.get_workflow_handle(handle.id)
        while (await again.describe()).run_id == handle.first_execution_run_id:
            await asyncio.sleep(0.05)
        if said == "after":
            await idle(again)
            await again.signal("say", said)
        assert await again.result() == [said]


@case
async def given_options(run: Run) -> None:
    handles = await waiting(run, NAMES[:2])
    options = WorkflowExecutionOptions(versioning_override=VersioningOverride(auto_upgrade=True))
    operation = BatchOperationUpdateWorkflowExecutionOptions(
        workflow_execution_options=options, update_mask=FieldMask(paths=["versioning_override"]), identity=WHO
    )
    await batch(run, update_workflow_options_operation=operation)
    for handle in handles:
        info = (await handle.describe()).raw_info.versioning_info
        run.answered(f"options of {handle.id}", info)
        await handle.signal("say", "go")
        await handle.result()


async def working(run: Run, is_failing: bool) -> list[WorkflowHandle]:
    """Runs each with an activity, which fails or lasts."""
    handles = []
    for name in NAMES[:2]:
        if is_failing:
            FAILING.add(run.id(name))
        handles.append(await run.start(Works, 30.0, suffix=name))
    for handle in handles:
        await (until_state(handle, "SCHEDULED", 2) if is_failing else activity_started(handle))
    await listed(run, len(handles))
    return handles


def freed(handles: list[WorkflowHandle]) -> None:
    for handle in handles:
        FAILING.discard(handle.id)
        FREED.add(handle.id)


@case
async def reset_activities(run: Run) -> None:
    handles = await working(run, True)
    freed(handles)
    operation = BatchOperationResetActivities(type="work", reset_attempts=True, identity=WHO)
    await batch(run, reset_activities_operation=operation)
    for handle in handles:
        assert await handle.result() == 1


@case
async def options_of_activities(run: Run) -> None:
    handles = await working(run, False)
    operation = BatchOperationUpdateActivityOptions(
        type="work",
        activity_options=ActivityOptions(heartbeat_timeout=Duration(seconds=7)),
        update_mask=FieldMask(paths=["heartbeat_timeout"]),
        identity=WHO,
    )
    await batch(run, update_activity_options_operation=operation)
    for handle in handles:
        found = await operations.pending(handle)
        assert found.activity_options.heartbeat_timeout.seconds == 7, found
    freed(handles)
    for handle in handles:
        await handle.result()


@case
async def stopped(run: Run) -> None:
    handles = await waiting(run)
    await start(run, max_operations_per_second=0.2, **signal("slow"))
    asked = StopBatchOperationRequest(
        namespace=NAMESPACE, job_id=f"job-{run.id()}", reason="too slow", identity=WHO
    )
    # One at a time.
    await refused(run, "another one", lambda: run.client.workflow_service.start_batch_operation(
        request(run, job_id=f"other-{run.id()}", **signal())
    ))  # fmt: skip
    await run.client.workflow_service.stop_batch_operation(asked)
    found = await describe(run)
    assert found.state != RUNNING, found
    # How far it got by then is open.
    run.answered("state", [found.state, found.operation_type])
    await refused(run, "again", lambda: run.client.workflow_service.stop_batch_operation(asked))
    for handle in handles:
        run.ids.remove(handle.id)
        try:
            await handle.terminate()
        except RPCError as error:
            # The operation came to it.
            assert error.status == RPCStatusCode.NOT_FOUND, error


async def refused(run: Run, name: str, call: Callable[[], object]) -> None:
    """Keeps what the service says against a request."""
    try:
        answer = await call()
    except RPCError as error:
        # Server 1.29 answers UNKNOWN, which clients try again; the embedded service answers as later servers do.
        code = "INVALID_ARGUMENT" if error.status == RPCStatusCode.UNKNOWN else error.status.name
        run.answered(name, f"{code}: {error.message}")
        return
    raise AssertionError(f"{name} is not refused: {answer!r}")


@case
async def refusals(run: Run) -> None:
    service = run.client.workflow_service
    for name, wrong in (
        ("neither filter nor runs", {"visibility_query": ""}),
        ("no reason", {"reason": ""}),
        ("no id", {"job_id": ""}),
    ):
        await refused(run, name, lambda: service.start_batch_operation(request(run, **signal(), **wrong)))
    await refused(run, "no operation", lambda: service.start_batch_operation(request(run)))
    nameless = BatchOperationUnpauseActivities(identity=WHO)
    call = lambda: service.start_batch_operation(request(run, unpause_activities_operation=nameless))
    await refused(run, "no activity", call)
    await refused(run, "no such job", lambda: describe(run))
    stop = StopBatchOperationRequest(namespace=NAMESPACE, job_id="no-such-job", reason="why", identity=WHO)
    await refused(run, "no such job to stop", lambda: service.stop_batch_operation(stop))
    # A second one with the same id.
    await start(run, **signal())
    await over(run)
    await refused(run, "the id of another", lambda: service.start_batch_operation(request(run, **signal())))


if __name__ == "__main__":
    machines.WORKFLOWS[:] = [Waits, Works]
    machines.ACTIVITIES[:] = [operations.work]
    machines.AT_ONCE = 1
    asyncio.run(machines.main(*sys.argv[1:]))
