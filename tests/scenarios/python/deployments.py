"""Worker deployments under the official client and workers: two versions of a workflow, and which of them executes what.

Arguments and report as those of machines.py. Each case has a deployment and a task queue of its own.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import machines
from google.protobuf.field_mask_pb2 import FieldMask
from machines import CASES, GAP, Run, case
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionProto
from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersionInfo
from temporalio.api.enums.v1 import VersioningBehavior as BehaviorProto
from temporalio.api.enums.v1 import VersionDrainageStatus as DrainageStatus
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus as Status
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DeleteWorkerDeploymentRequest,
    DeleteWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    ListWorkerDeploymentsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentManagerRequest,
    SetWorkerDeploymentRampingVersionRequest,
    UpdateWorkerDeploymentVersionMetadataRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import RPCError, WorkflowHandle
from temporalio.common import (
    AutoUpgradeVersioningOverride,
    PinnedVersioningOverride,
    VersioningBehavior,
    WorkerDeploymentVersion,
)
from temporalio.worker import Worker, WorkerDeploymentConfig

CASES.clear()
NAMESPACE = "default"
SHORT = timedelta(seconds=20)
# Ids of which a ramp of 50 % takes some.
HALVED = 8


async def wander(then: str, is_over: object) -> str:
    """What both workflows do until they are told to end."""
    await workflow.wait_condition(is_over)
    info = workflow.info()
    if then == "child":
        return await workflow.execute_child_workflow(info.workflow_type, "", id=f"{info.workflow_id}-child")
    if then == "activity":
        return await workflow.execute_activity("where", start_to_close_timeout=SHORT)
    if then == "continue" and info.continued_run_id is None:
        workflow.continue_as_new(then)
    return "over"


async def child() -> str:
    # That it begins and that it ends are two tasks of its parent.
    await asyncio.sleep(GAP)
    return "child"


@workflow.defn(sandboxed=False, versioning_behavior=VersioningBehavior.PINNED)
class Stays:
    """Stays on its version."""

    def __init__(self) -> None:
        self.is_over = False

    @workflow.run
    async def run(self, then: str = "") -> str:
        if workflow.info().parent is not None:
            return await child()
        return await wander(then, lambda: self.is_over)

    @workflow.signal
    def go(self, is_over: bool) -> None:
        self.is_over = is_over


@workflow.defn(sandboxed=False, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Follows:
    """Follows the current version."""

    def __init__(self) -> None:
        self.is_over = False

    @workflow.run
    async def run(self, then: str = "") -> str:
        if workflow.info().parent is not None:
            return await child()
        return await wander(then, lambda: self.is_over)

    @workflow.signal
    def go(self, is_over: bool) -> None:
        self.is_over = is_over


def shop(run: Run) -> str:
    return f"shop-{run.name.replace('_', '-')}"


def version(run: Run, build: str) -> WorkerDeploymentVersion:
    return WorkerDeploymentVersion(deployment_name=shop(run), build_id=build)


def version_proto(run: Run, build: str) -> VersionProto:
    return VersionProto(deployment_name=shop(run), build_id=build)


@asynccontextmanager
async def workers(run: Run, *builds: str) -> AsyncIterator[None]:
    """Workers of these versions, and of none for the empty one, once the service knows them."""
    run.task_queue = run.id()

    def worker(build: str) -> Worker:
        @activity.defn
        async def where() -> str:
            return build

        config = WorkerDeploymentConfig(version=version(run, build), use_worker_versioning=True) if build else None
        return Worker(
            run.client,
            task_queue=run.task_queue,
            workflows=[Stays, Follows],
            activities=[where],
            # Not with the build last: what follows in the name of its own queue is an id.
            identity=f"version-{build}-works",
            deployment_config=config,
        )

    async with AsyncExitStack() as stack:
        for build in builds:
            await stack.enter_async_context(worker(build))
        for build in filter(None, builds):
            # Its workflows and its activities.
            while len((await described(run, build)).task_queue_infos) < 2:
                await asyncio.sleep(0.05)
        yield


async def described(run: Run, build: str) -> object:
    """A version; an empty one while there is none."""
    request = DescribeWorkerDeploymentVersionRequest(
        namespace=NAMESPACE, deployment_version=version_proto(run, build)
    )
    try:
        answer = await run.client.workflow_service.describe_worker_deployment_version(request)
    except RPCError:
        return WorkerDeploymentVersionInfo()
    return answer.worker_deployment_version_info


async def until_status(run: Run, build: str, wanted: str) -> None:
    """Waits until a version has a status, of which the deployment hears a little later than the version."""
    status = Status.Value(f"WORKER_DEPLOYMENT_VERSION_STATUS_{wanted}")
    while True:
        versions = (await deployment(run)).version_summaries
        if status in [it.status for it in versions if it.deployment_version.build_id == build]:
            return
        await asyncio.sleep(0.1)


async def deployment(run: Run) -> WorkerDeploymentInfo:
    """The deployment of a case, its versions by their names: which of them came first is open."""
    request = DescribeWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=shop(run))
    answer = await run.client.workflow_service.describe_worker_deployment(request)
    answer.worker_deployment_info.version_summaries.sort(key=lambda it: it.version)
    return answer.worker_deployment_info


async def note(run: Run, step: str, *handles: WorkflowHandle, draining: str = "") -> None:
    """
    Keeps what the service says of the deployment, and of runs.

    A version that no run is pinned to is drained at some time: that is waited for, unless the case says that it drains on.
    """
    found = await deployment(run)
    while any(drains(it) and it.deployment_version.build_id != draining for it in found.version_summaries):
        await asyncio.sleep(0.1)
        found = await deployment(run)
    run.answered(step, found)
    for handle in handles:
        info = (await handle.describe()).raw_info.versioning_info
        run.answered(f"{step}, {handle.id}", info)


def drains(summary: WorkerDeploymentInfo.WorkerDeploymentVersionSummary) -> bool:
    """By its status or by its drainage: a service may change one before the other."""
    by_status = summary.status == Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
    return by_status or summary.drainage_info.status == DrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING


def current(run: Run, build: str, **more: object) -> object:
    request = {"deployment_name": shop(run), "identity": "ops", **more}
    return run.client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(namespace=NAMESPACE, build_id=build, **request)
    )


def ramping(run: Run, build: str, percentage: float, **more: object) -> object:
    request = {"deployment_name": shop(run), "identity": "ops", **more}
    return run.client.workflow_service.set_worker_deployment_ramping_version(
        SetWorkerDeploymentRampingVersionRequest(
            namespace=NAMESPACE, build_id=build, percentage=percentage, **request
        )
    )


async def tasks(handle: WorkflowHandle, count: int) -> list[str]:
    """The versions that completed the tasks of a run, once they are so many; pinned ones end with a dot."""
    while True:
        found = []
        for event in (await handle.fetch_history()).events:
            if event.HasField("workflow_task_completed_event_attributes"):
                task = event.workflow_task_completed_event_attributes
                pinned = task.versioning_behavior == BehaviorProto.VERSIONING_BEHAVIOR_PINNED
                found.append(task.deployment_version.build_id + "." * pinned)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)


async def goes_on(handle: WorkflowHandle, expected: str, is_over: bool = False) -> None:
    """A run has one task more; the versions of all are these, separated by spaces."""
    count = len(expected.split())
    await tasks(handle, count - 1)
    await handle.signal("go", is_over)
    found = " ".join(await tasks(handle, count))
    assert found == expected, f"{handle.id}: {found}, not {expected}"


async def begins(run: Run, of: type, expected: str, *arguments: object, **options: object) -> WorkflowHandle:
    handle = await run.start(of, *arguments, **options)
    found = " ".join(await tasks(handle, 1))
    assert found == expected, f"{handle.id}: {found}, not {expected}"
    return handle


async def refused(run: Run, name: str, call: object) -> None:
    """Keeps what the service says against a request."""
    try:
        answer = await call
    except RPCError as error:
        run.answered(name, f"{error.status.name}: {error.message}")
        return
    raise AssertionError(f"{name} is not refused: {answer!r}")


@case
async def pinned_stays_and_the_other_follows(run: Run) -> None:
    async with workers(run, "1", "2"):
        await note(run, "inactive")
        await current(run, "1")
        stays = await begins(run, Stays, "1.", suffix="-stays")
        follows = await begins(run, Follows, "1", suffix="-follows")
        await note(run, "current", stays, follows)
        await current(run, "2")
        await goes_on(stays, "1. 1.")
        await goes_on(follows, "1 2")
        await note(run, "the next", stays, follows, draining="1")
        # Back again.
        await current(run, "1")
        await goes_on(stays, "1. 1. 1.", True)
        await goes_on(follows, "1 2 1", True)
        await note(run, "back")
        assert await stays.result() == await follows.result() == "over"


@case
async def a_half_ramps_up(run: Run) -> None:
    async with workers(run, "1", "2"):
        await current(run, "1")
        await ramping(run, "2", 50)
        found = []
        for number in range(HALVED):
            handle = await run.start(Follows, suffix=f"-{number}")
            found += await tasks(handle, 1)
        assert set(found) == {"1", "2"}, found
        run.answered("versions", found)
        await note(run, "a half")
        await ramping(run, "2", 100)
        for number, before in enumerate(found):
            await goes_on(run.handle(f"-{number}"), f"{before} 2", True)
        await note(run, "all")
        # No version ramps up any more.
        await ramping(run, "", 0)
        await begins(run, Stays, "1.", suffix="-after")
        await note(run, "none")


@case
async def an_override_of_a_start(run: Run) -> None:
    async with workers(run, "1", "2"):
        await current(run, "1")
        pinned = PinnedVersioningOverride(version(run, "2"))
        first = await begins(run, Follows, "2", suffix="-pinned", versioning_override=pinned)
        free = AutoUpgradeVersioningOverride()
        second = await begins(run, Stays, "1.", suffix="-free", versioning_override=free)
        await note(run, "begun", first, second)
        await goes_on(first, "2 2")
        await current(run, "2")
        await goes_on(second, "1. 2.")
        await current(run, "1")
        await goes_on(first, "2 2 2", True)
        await goes_on(second, "1. 2. 1.", True)
        await note(run, "ended", first, second)


@case
async def an_override_of_an_open_run(run: Run) -> None:
    async def change(handle: WorkflowHandle, given: VersioningOverride | None) -> None:
        request = UpdateWorkflowExecutionOptionsRequest(
            namespace=NAMESPACE,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            workflow_execution_options=WorkflowExecutionOptions(versioning_override=given),
            update_mask=FieldMask(paths=["versioning_override"]),
            identity="ops",
        )
        answer = await run.client.workflow_service.update_workflow_execution_options(request)
        run.answered(f"options of {handle.id}, {given is None}", answer)

    async with workers(run, "1", "2"):
        await current(run, "1")
        follows = await begins(run, Follows, "1")
        await change(follows, PinnedVersioningOverride(version(run, "2"))._to_proto())
        await goes_on(follows, "1 2")
        await note(run, "pinned", follows)
        await change(follows, None)
        await goes_on(follows, "1 2 1", True)
        await note(run, "free", follows)


@case
async def what_a_run_begins(run: Run) -> None:
    """Children and continuations inherit a version that a run is pinned to; activities go to that of their run."""
    async with workers(run, "1", "2"):
        await current(run, "1")
        begun = {
            f"{of.__name__}-{then}": await begins(run, of, first, then, suffix=f"-{of.__name__}-{then}")
            for of, first in ((Stays, "1."), (Follows, "1"))
            for then in ("child", "activity", "continue")
        }
        await current(run, "2")
        for name, first, second in (("Stays", "1.", "1."), ("Follows", "1", "2")):
            for then, result in (("child", "child"), ("activity", second.rstrip("."))):
                handle = begun[f"{name}-{then}"]
                await handle.signal("go", True)
                assert await handle.result() == result, handle.id
                found = await tasks(handle, 2)
                assert found[0] == first and set(found[1:]) == {second}, found
            handle = begun[f"{name}-continue"]
            await handle.signal("go", True)
            while (await handle.describe()).run_id == handle.first_execution_run_id:
                await asyncio.sleep(0.05)
            assert await tasks(handle, 1) == [second]
            await handle.signal("go", True)
            assert await handle.result() == "over"


@case
async def drained(run: Run) -> None:
    async with workers(run, "1", "2"):
        await current(run, "1")
        stays = await begins(run, Stays, "1.")
        await current(run, "2")
        await until_status(run, "1", "DRAINING")
        await goes_on(stays, "1. 1.", True)
        await stays.result()
        await until_status(run, "1", "DRAINED")
        await note(run, "drained", stays)
        await refused(run, "deletion of a version that is polled for", delete(run, "1", False))


def delete(run: Run, build: str, skips: bool) -> object:
    return run.client.workflow_service.delete_worker_deployment_version(
        DeleteWorkerDeploymentVersionRequest(
            namespace=NAMESPACE,
            deployment_version=version_proto(run, build),
            skip_drainage=skips,
            identity="ops",
        )
    )


@case
async def refusals(run: Run) -> None:
    service = run.client.workflow_service
    unknown = {"deployment_name": "no-such-shop"}
    await refused(run, "current version of no deployment", current(run, "1", **unknown))
    await refused(run, "ramping version of no deployment", ramping(run, "1", 5, **unknown))
    describe = DescribeWorkerDeploymentRequest(namespace=NAMESPACE, **unknown)
    await refused(run, "description of none", service.describe_worker_deployment(describe))
    async with workers(run, "1", "2"):
        await refused(run, "an unknown version", current(run, "3"))
        await current(run, "1")
        await refused(run, "a stale token", current(run, "2", conflict_token=b"stale"))
        await refused(run, "a ramp of the current version", ramping(run, "1", 5))
        await refused(run, "a ramp above 100", ramping(run, "2", 101))
        await refused(run, "a negative ramp", ramping(run, "2", -1))
        await refused(run, "deletion of the current version", delete(run, "1", True))
        whole = DeleteWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=shop(run), identity="ops")
        deleted = service.delete_worker_deployment(whole)
        try:
            await deleted
            raise AssertionError("a deployment with versions is deleted")
        except RPCError:
            # What differs is in docs/server-support.md.
            pass


@case
async def managers_and_metadata(run: Run) -> None:
    service = run.client.workflow_service
    async with workers(run, "1"):
        manage = {"namespace": NAMESPACE, "deployment_name": shop(run)}
        answer = await service.set_worker_deployment_manager(
            SetWorkerDeploymentManagerRequest(**manage, manager_identity="ci", identity="ops")
        )
        run.answered("the manager", answer)
        await refused(run, "another identity", current(run, "1"))
        await current(run, "1", identity="ci")
        await service.set_worker_deployment_manager(
            SetWorkerDeploymentManagerRequest(**manage, manager_identity="", identity="ops")
        )
        text = Payload(metadata={"encoding": b"json/plain"}, data=b'"red"')
        answer = await service.update_worker_deployment_version_metadata(
            UpdateWorkerDeploymentVersionMetadataRequest(
                namespace=NAMESPACE,
                deployment_version=version_proto(run, "1"),
                upsert_entries={"team": text},
                identity="ops",
            )
        )
        run.answered("the metadata", answer)
        found = await described(run, "1")
        found.task_queue_infos.sort(key=lambda it: it.type)
        run.answered("the version", found)
        # The list is filled a little later.
        while shop(run) not in [it.name for it in await deployments(run)]:
            await asyncio.sleep(0.1)
        await note(run, "the deployment")


async def deployments(run: Run) -> list:
    request = ListWorkerDeploymentsRequest(namespace=NAMESPACE, page_size=100)
    return list((await run.client.workflow_service.list_worker_deployments(request)).worker_deployments)


if __name__ == "__main__":
    # Temporal's server takes its time to route, the more on a busy machine.
    machines.PATIENCE = 120
    asyncio.run(machines.main(*sys.argv[1:]))
