"""The official Python SDK against the service: its own client, worker, workflows and activities.

Called by `tests/python.rs` with the address of the service. Prints what differs from what the SDK
promises, and exits with 1 if anything does.
"""

import asyncio
import os
import sys
import uuid
from collections import Counter
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.worker import Worker

SHORT = timedelta(seconds=10)
attempts: Counter = Counter()


@activity.defn
async def hello(name: str) -> str:
    return f"hello {name}"


@activity.defn
async def third_time(key: str) -> int:
    attempts[key] += 1
    if attempts[key] < 3:
        raise ApplicationError("not yet")
    return attempts[key]


@activity.defn
async def never() -> None:
    raise ApplicationError("never", type="Never", non_retryable=True)


@activity.defn
async def beat() -> None:
    while True:
        activity.heartbeat("alive")
        await asyncio.sleep(0.1)


@activity.defn
async def slow() -> None:
    await asyncio.sleep(30)


@workflow.defn
class Hello:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(hello, name, start_to_close_timeout=SHORT)


@workflow.defn
class Retry:
    @workflow.run
    async def run(self, key: str) -> int:
        return await workflow.execute_activity(
            third_time,
            key,
            start_to_close_timeout=SHORT,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
        )


@workflow.defn
class Never:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(never, start_to_close_timeout=SHORT)


@workflow.defn
class Slow:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            slow, start_to_close_timeout=timedelta(seconds=1), retry_policy=RetryPolicy(maximum_attempts=1)
        )


@workflow.defn
class Signals:
    def __init__(self) -> None:
        self.got: list[str] = []
        self.done = False

    @workflow.signal
    def add(self, text: str) -> None:
        self.got.append(text)

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.query
    def state(self) -> list[str]:
        return self.got

    @workflow.query
    def broken(self) -> None:
        raise ValueError("no answer")

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.done)
        return self.got


@workflow.defn
class Timers:
    @workflow.run
    async def run(self, count: int) -> int:
        await asyncio.gather(*[asyncio.sleep(0.05 * number) for number in range(1, count + 1)])
        return count


@workflow.defn
class CancelActivity:
    @workflow.run
    async def run(self) -> str:
        handle = workflow.start_activity(
            beat,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=5),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await asyncio.sleep(0.3)
        handle.cancel()
        try:
            await handle
        except Exception as error:
            return "cancelled" if is_cancelled_exception(error) else repr(error)
        return "completed"


@workflow.defn
class Forever:
    @workflow.run
    async def run(self) -> None:
        await asyncio.sleep(1000)


@workflow.defn
class ContinueAsNew:
    @workflow.run
    async def run(self, left: int) -> int:
        if left > 0:
            workflow.continue_as_new(left - 1)
        return 42


@workflow.defn
class Parent:
    @workflow.run
    async def run(self, name: str) -> list[str]:
        own = workflow.info().workflow_id
        child = await workflow.start_child_workflow(Signals.run, id=f"{own}-signals")
        await child.signal(Signals.add, "from parent")
        await child.signal(Signals.finish)
        return [*await child, await workflow.execute_child_workflow(Hello.run, name, id=f"{own}-hello")]


@workflow.defn
class CancelChild:
    @workflow.run
    async def run(self) -> str:
        own = workflow.info().workflow_id
        child = await workflow.start_child_workflow(Forever.run, id=f"{own}-child")
        await workflow.get_external_workflow_handle(f"{own}-child").cancel()
        try:
            await child
        except Exception as error:
            return type(error.__cause__).__name__
        return "completed"


@workflow.defn
class Fan:
    @workflow.run
    async def run(self, count: int) -> int:
        calls = [
            workflow.execute_activity(hello, str(number), start_to_close_timeout=timedelta(seconds=60))
            for number in range(count)
        ]
        return len(await asyncio.gather(*calls))


@workflow.defn
class Again:
    @workflow.run
    async def run(self) -> int:
        if workflow.info().attempt < 2:
            raise ApplicationError("again")
        return workflow.info().attempt


@workflow.defn
class Local:
    @workflow.run
    async def run(self) -> str:
        workflow.upsert_memo({"a": 1})
        workflow.patched("patch")
        return await workflow.execute_local_activity(hello, "local", start_to_close_timeout=SHORT)


WORKFLOWS = [
    Hello, Retry, Never, Slow, Signals, Timers, CancelActivity, Forever, ContinueAsNew, Parent, CancelChild,
    Fan, Again, Local,
]
ACTIVITIES = [hello, third_time, never, beat, slow]


class Suite:
    def __init__(self, client: Client, queue: str) -> None:
        self.client = client
        self.queue = queue
        self.wrong = 0

    def options(self, **more):
        return {"id": uuid.uuid4().hex, "task_queue": self.queue, **more}

    def execute(self, of, *arguments, **more):
        return self.client.execute_workflow(of.run, *arguments, **self.options(**more))

    def start(self, of, *arguments, **more):
        return self.client.start_workflow(of.run, *arguments, **self.options(**more))

    async def equal(self, name, coroutine, expected) -> None:
        try:
            found = await asyncio.wait_for(coroutine, 60)
        except Exception as error:
            found = error
        if found != expected:
            self.wrong += 1
            print(f"{name}: {found!r} instead of {expected!r}")

    async def fails(self, name, coroutine, text) -> None:
        try:
            found = repr(await asyncio.wait_for(coroutine, 60))
        except Exception as error:
            found = ""
            while error is not None:
                found += f" {error!r}"
                error = error.__cause__
        if text not in found:
            self.wrong += 1
            print(f"{name}: {found} instead of {text}")


async def run_suite(suite: Suite) -> None:
    client = suite.client
    await suite.equal("activity", suite.execute(Hello, "you"), "hello you")
    await suite.equal("eager start", suite.execute(Hello, "you", request_eager_start=True), "hello you")
    await suite.equal("activity retry", suite.execute(Retry, uuid.uuid4().hex), 3)
    await suite.fails("activity failure", suite.execute(Never), "never")
    await suite.fails("activity timeout", suite.execute(Slow), "StartToClose")
    handle = await suite.start(Signals)
    await handle.signal(Signals.add, "a")
    await handle.signal(Signals.add, "b")
    await suite.equal("query", handle.query(Signals.state), ["a", "b"])
    await suite.fails("failing query", handle.query(Signals.broken), "no answer")
    await handle.signal(Signals.finish)
    await suite.equal("signals", handle.result(), ["a", "b"])
    await suite.equal("query of a closed run", handle.query(Signals.state), ["a", "b"])
    handle = await suite.start(Signals, start_signal="add", start_signal_args=["first"])
    await handle.signal(Signals.finish)
    await suite.equal("signal with start", handle.result(), ["first"])
    await suite.equal("timers", suite.execute(Timers, 5), 5)
    await suite.equal("cancelling an activity", suite.execute(CancelActivity), "cancelled")
    handle = await suite.start(Forever)
    await handle.cancel()
    await suite.fails("cancelling a workflow", handle.result(), "CancelledError")
    handle = await suite.start(Forever)
    await handle.terminate("enough")
    await suite.fails("terminating a workflow", handle.result(), "TerminatedError")
    await suite.fails("run timeout", suite.execute(Forever, run_timeout=timedelta(seconds=1)), "TimeoutError")
    await suite.equal("continue as new", suite.execute(ContinueAsNew, 1), 42)
    await suite.equal("children", suite.execute(Parent, "x"), ["from parent", "hello x"])
    await suite.equal("cancelling a child", suite.execute(CancelChild), "CancelledError")
    await suite.equal("fan out", suite.execute(Fan, 100), 100)
    await suite.equal("workflow retry", suite.execute(Again, retry_policy=RetryPolicy()), 2)
    await suite.equal("local activity", suite.execute(Local), "hello local")
    handle = await suite.start(Forever)
    await suite.fails("duplicate", suite.start(Forever, id=handle.id), "WorkflowAlreadyStartedError")
    use = WorkflowIDConflictPolicy.USE_EXISTING
    again = await suite.start(Forever, id=handle.id, id_conflict_policy=use)
    await suite.equal("use existing", asyncio.sleep(0, again.first_execution_run_id), handle.first_execution_run_id)
    running = f"TaskQueue = '{suite.queue}' AND ExecutionStatus = 'Running'"
    listed = [one.id async for one in client.list_workflows(running)]
    await suite.equal("list", asyncio.sleep(0, listed), [handle.id])
    counted = (await client.count_workflows(running)).count
    await suite.equal("count", asyncio.sleep(0, counted), 1)
    await handle.terminate()
    many = asyncio.gather(*[suite.execute(Hello, str(number)) for number in range(50)])
    await suite.equal("fifty at once", many, [f"hello {number}" for number in range(50)])


async def main() -> None:
    client = await Client.connect(sys.argv[1])
    suite = Suite(client, uuid.uuid4().hex)
    async with Worker(client, task_queue=suite.queue, workflows=WORKFLOWS, activities=ACTIVITIES):
        await run_suite(suite)
    # Not sys.exit: the SDK's threads may still call into an interpreter that is being torn down.
    sys.stdout.flush()
    os._exit(suite.wrong > 0)


if __name__ == "__main__":
    asyncio.run(main())
