"""Workflows whose histories are recorded: each passes through one corner of the protocol."""

import asyncio
import time
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError


SECONDS = timedelta(seconds=1)
SHORT = timedelta(milliseconds=50)
KEYWORD = SearchAttributeKey.for_keyword("Corner")

# What happened in this process, for workflows that misbehave only once.
SEEN: set[str] = set()


def first_time(what: str) -> bool:
    new = what not in SEEN
    SEEN.add(what)
    return new


@activity.defn
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@activity.defn
async def flaky(name: str) -> int:
    if activity.info().attempt < 3:
        raise ApplicationError(f"{name} fails", type="Flaky")
    return activity.info().attempt


@activity.defn
async def fails(name: str) -> None:
    raise ApplicationError(f"{name} fails for good", type="Fatal", non_retryable=True)


@activity.defn
async def beats(count: int) -> int:
    for step in range(count):
        activity.heartbeat(step)
        await asyncio.sleep(0.05)
    return count


@activity.defn
async def waits_for_cancel() -> str:
    try:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        raise


@activity.defn
async def slow(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


ACTIVITIES = [greet, flaky, fails, beats, waits_for_cancel, slow]
QUICK = {"start_to_close_timeout": timedelta(seconds=10)}


@workflow.defn
class Activities:
    @workflow.run
    async def run(self) -> list[str]:
        first = await workflow.execute_activity(greet, "one", **QUICK)
        both = await asyncio.gather(
            workflow.execute_activity(greet, "two", **QUICK),
            workflow.execute_activity(greet, "three", activity_id="third", **QUICK),
        )
        return [first, *both]


@workflow.defn
class Retries:
    @workflow.run
    async def run(self) -> str:
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=10))
        attempts = await workflow.execute_activity(flaky, "it", retry_policy=policy, **QUICK)
        try:
            await workflow.execute_activity(fails, "it", **QUICK)
        except ActivityError as error:
            return f"{attempts} {type(error.cause).__name__}"
        return "unreachable"


@workflow.defn
class ActivityTimeouts:
    @workflow.run
    async def run(self) -> list[str]:
        once = RetryPolicy(maximum_attempts=1)
        results = await asyncio.gather(
            workflow.execute_activity(slow, 3.0, start_to_close_timeout=SECONDS, retry_policy=once),
            workflow.execute_activity(
                slow, 3.0, schedule_to_close_timeout=SECONDS, heartbeat_timeout=SECONDS
            ),
            workflow.execute_activity(
                greet, "nobody", task_queue="nobody", schedule_to_start_timeout=SECONDS, **QUICK
            ),
            return_exceptions=True,
        )
        return [type(result).__name__ for result in results]


@workflow.defn
class Heartbeats:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(beats, 5, heartbeat_timeout=SECONDS, **QUICK)


@workflow.defn
class Timers:
    @workflow.run
    async def run(self) -> list[str]:
        done: list[str] = []
        long = asyncio.create_task(asyncio.sleep(100))
        await asyncio.sleep(0.01)
        long.cancel()
        try:
            await long
        except asyncio.CancelledError:
            done.append("cancelled")
        never = asyncio.create_task(asyncio.sleep(100))
        await asyncio.sleep(0)
        never.cancel()
        await asyncio.gather(asyncio.sleep(0.02), asyncio.sleep(0.01))
        try:
            await workflow.wait_condition(lambda: False, timeout=SHORT)
        except asyncio.TimeoutError:
            done.append("timeout")
        return done


@workflow.defn
class ActivityCancellation:
    """One activity for each way to cancel, and one that is never sent."""

    @workflow.run
    async def run(self) -> list[str]:
        done: list[str] = []
        for kind in workflow.ActivityCancellationType:
            handle = workflow.start_activity(
                waits_for_cancel, heartbeat_timeout=SECONDS, cancellation_type=kind, **QUICK
            )
            await asyncio.sleep(0.2)
            handle.cancel()
            try:
                await handle
            except ActivityError as error:
                done.append(f"{kind.name} {type(error.cause).__name__}")
        handle = workflow.start_activity(greet, "never", **QUICK)
        handle.cancel()
        try:
            await handle
        except (ActivityError, asyncio.CancelledError) as error:
            done.append(type(error).__name__)
        await workflow.execute_activity(greet, "last", **QUICK)
        return done


@workflow.defn
class Signals:
    def __init__(self) -> None:
        self.names: list[str] = []

    @workflow.signal
    async def name(self, name: str) -> None:
        self.names.append(await workflow.execute_activity(greet, name, **QUICK))

    @workflow.signal
    def last(self) -> None:
        self.names.append("last")

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "last" in self.names)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.names


@workflow.defn
class Child:
    def __init__(self) -> None:
        self.poked = False

    @workflow.signal
    def poke(self) -> None:
        self.poked = True

    @workflow.run
    async def run(self, how: str) -> str:
        if how == "fail":
            raise ApplicationError("child fails", type="Child")
        if how == "wait":
            await workflow.wait_condition(lambda: self.poked)
        return how


@workflow.defn
class Children:
    @workflow.run
    async def run(self) -> list[str]:
        id = workflow.info().workflow_id
        done = [await workflow.execute_child_workflow(Child.run, "ok", id=f"{id}-ok")]
        try:
            await workflow.execute_child_workflow(Child.run, "fail", id=f"{id}-fail")
        except ChildWorkflowError as error:
            done.append(type(error.cause).__name__)
        waiting = await workflow.start_child_workflow(Child.run, "wait", id=f"{id}-wait")
        await waiting.signal(Child.poke)
        done.append(await waiting)
        try:
            open = await workflow.start_child_workflow(Child.run, "wait", id=f"{id}-twice")
            await workflow.start_child_workflow(Child.run, "wait", id=f"{id}-twice")
        except Exception as error:
            done.append(type(error).__name__)
            await open.signal(Child.poke)
            await open
        for kind in workflow.ChildWorkflowCancellationType:
            child = await workflow.start_child_workflow(
                Child.run,
                "wait",
                id=f"{id}-{kind.name}",
                cancellation_type=kind,
                parent_close_policy=workflow.ParentClosePolicy.TERMINATE,
            )
            child.cancel()
            try:
                await child
            except (ChildWorkflowError, asyncio.CancelledError) as error:
                done.append(f"{kind.name} {type(error).__name__}")
        return done


@workflow.defn
class External:
    @workflow.run
    async def run(self, other: str) -> list[str]:
        done: list[str] = []
        handle = workflow.get_external_workflow_handle(other)
        await handle.signal("poke")
        await handle.cancel()
        nobody = workflow.get_external_workflow_handle("nobody")
        for request in (nobody.signal("poke"), nobody.cancel()):
            try:
                await request
            except Exception as error:
                done.append(type(error).__name__)
        return done


@workflow.defn
class LocalActivities:
    @workflow.run
    async def run(self) -> list[str]:
        done = [await workflow.execute_local_activity(greet, "one", **QUICK)]
        done += await asyncio.gather(
            workflow.execute_local_activity(greet, "two", **QUICK),
            workflow.execute_local_activity(greet, "three", **QUICK),
            workflow.execute_activity(greet, "four", **QUICK),
        )
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=10))
        done.append(str(await workflow.execute_local_activity(flaky, "it", retry_policy=policy, **QUICK)))
        try:
            await workflow.execute_local_activity(fails, "it", **QUICK)
        except ActivityError as error:
            done.append(type(error.cause).__name__)
        done.append(await workflow.execute_activity(greet, "five", **QUICK))
        return done


@workflow.defn
class LocalActivityBackoff:
    """Waits between attempts with a timer, and outlives a workflow task."""

    @workflow.run
    async def run(self) -> float:
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=200))
        await workflow.execute_local_activity(
            flaky, "it", retry_policy=policy, local_retry_threshold=timedelta(milliseconds=1), **QUICK
        )
        return await workflow.execute_local_activity(slow, 4.0, **QUICK)


@workflow.defn
class Patches:
    @workflow.run
    async def run(self) -> str:
        if workflow.patched("first"):
            await workflow.execute_activity(greet, "patched", **QUICK)
        await asyncio.sleep(0.01)
        if workflow.patched("second"):
            await asyncio.sleep(0.01)
        workflow.patched("first")
        workflow.deprecate_patch("third")
        return await workflow.execute_activity(greet, "end", **QUICK)


@workflow.defn
class Updates:
    def __init__(self) -> None:
        self.names: list[str] = []

    @workflow.update
    async def add(self, name: str) -> str:
        greeting = await workflow.execute_activity(greet, name, **QUICK)
        self.names.append(greeting)
        return greeting

    @workflow.update
    def finish(self) -> int:
        self.names.append("last")
        return len(self.names)

    @workflow.update
    async def refuse(self, name: str) -> None:
        raise ApplicationError(f"{name} is refused")

    @add.validator
    def check(self, name: str) -> None:
        if not name:
            raise ApplicationError("no name")

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "last" in self.names)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.names


@workflow.defn
class Again:
    @workflow.run
    async def run(self, left: int) -> str:
        await asyncio.sleep(0.01)
        if left > 0:
            workflow.continue_as_new(left - 1)
        return "done"


@workflow.defn
class Attributes:
    @workflow.run
    async def run(self) -> str:
        workflow.upsert_search_attributes([KEYWORD.value_set("one")])
        await asyncio.sleep(0.01)
        workflow.upsert_search_attributes([KEYWORD.value_set("two")])
        workflow.upsert_memo({"corner": "round"})
        return await workflow.execute_activity(greet, "attributes", **QUICK)


@workflow.defn
class FailedTask:
    @workflow.run
    async def run(self) -> str:
        await workflow.execute_activity(greet, "before", **QUICK)
        if first_time("failed task"):
            raise RuntimeError("fails the task, not the workflow")
        return await workflow.execute_activity(greet, "after", **QUICK)


@workflow.defn
class TimedOutTask:
    @workflow.run
    async def run(self) -> str:
        await workflow.execute_activity(greet, "before", **QUICK)
        if first_time("timed out task"):
            time.sleep(2)
        return await workflow.execute_activity(greet, "after", **QUICK)


@workflow.defn
class Fails:
    @workflow.run
    async def run(self) -> None:
        await asyncio.sleep(0.01)
        raise ApplicationError("on purpose", "details", type="Purpose")


@workflow.defn
class Waits:
    """Is cancelled, terminated or timed out; cleans up when cancelled."""

    @workflow.signal
    def poke(self) -> None:
        pass

    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.execute_activity(
                waits_for_cancel,
                heartbeat_timeout=SECONDS,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                start_to_close_timeout=timedelta(seconds=30),
            )
        finally:
            await asyncio.shield(workflow.execute_activity(greet, "cleanup", **QUICK))


WORKFLOWS = [
    Activities,
    Retries,
    ActivityTimeouts,
    Heartbeats,
    Timers,
    ActivityCancellation,
    Signals,
    Child,
    Children,
    External,
    LocalActivities,
    LocalActivityBackoff,
    Patches,
    Updates,
    Again,
    Attributes,
    FailedTask,
    TimedOutTask,
    Fails,
    Waits,
]
