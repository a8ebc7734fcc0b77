"""Workflows of the official SDK, each of which takes the state machines of a service through one path.

Arguments: address, task queue, file for the report, cases to run (all without). The report is JSON: the
ids of the workflows, whose histories must be the same on every service, answers of which the same is true, and
what went wrong.

What happens at the same time in one workflow is apart by at least GAP, so that the order of events is
no matter of chance.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from temporalio import activity, workflow
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import (
    Priority,
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

GAP = 0.7
# Cases at once: more than the machine can do would reach timeouts that are not meant.
AT_ONCE = 10
# Seconds that a case may take.
PATIENCE = 60
SHORT = timedelta(seconds=20)
SOON_OVER = timedelta(seconds=2)
ONCE = RetryPolicy(maximum_attempts=1)
SOON = RetryPolicy(initial_interval=timedelta(milliseconds=100))
KEYWORD = SearchAttributeKey.for_keyword("CustomKeyword")
UNPOLLED = "no-worker-polls-this"

# Tasks of a workflow so far, for those that behave differently the second time.
tasks: Counter = Counter()


# Activities.


@activity.defn
async def echo(text: str) -> str:
    return text


@activity.defn
async def fail_until(attempt: int) -> int:
    if activity.info().attempt < attempt:
        raise ApplicationError("not yet", "detail", type="NotYet")
    return activity.info().attempt


@activity.defn
async def fail_for_good() -> None:
    try:
        raise ValueError("the cause")
    except ValueError as cause:
        raise ApplicationError("for good", 1, "two", type="ForGood", non_retryable=True) from cause


@activity.defn
async def fail_with_delay() -> None:
    if activity.info().attempt < 2:
        raise ApplicationError("later", next_retry_delay=timedelta(milliseconds=300))


@activity.defn
async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


@activity.defn
async def progress() -> int:
    """Fails once after a heartbeat, and goes on from what the heartbeat said."""
    details = activity.info().heartbeat_details
    if details:
        return int(details[0])
    activity.heartbeat(41)
    raise ApplicationError("after a heartbeat")


@activity.defn
async def progress_and_hang() -> None:
    activity.heartbeat("last words")
    await asyncio.sleep(3)


@activity.defn
async def beat(then: str) -> str:
    """Lives until it is cancelled; then ends as it is told."""
    try:
        while True:
            activity.heartbeat("alive")
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        if then == "complete":
            return "completed all the same"
        if then == "fail":
            raise ApplicationError("failed instead", non_retryable=True) from None
        raise


@activity.defn
async def from_outside() -> None:
    activity.raise_complete_async()


ACTIVITIES = [echo, fail_until, fail_for_good, fail_with_delay, sleep, progress, progress_and_hang, beat, from_outside]


# Workflows.


@workflow.defn
class Call:
    """One activity; the keys are those of `execute_activity`, durations in seconds."""

    @workflow.run
    async def run(self, name: str, argument: Any, options: dict) -> Any:
        arguments = [] if argument is None else [argument]
        return await workflow.execute_activity(name, args=arguments, **read(options))


@workflow.defn
class CallLocal:
    @workflow.run
    async def run(self, name: str, argument: Any, options: dict) -> Any:
        arguments = [] if argument is None else [argument]
        return await workflow.execute_local_activity(name, args=arguments, **read(options))


@workflow.defn
class CancelCall:
    @workflow.run
    async def run(self, name: str, argument: Any, options: dict) -> str:
        handle = workflow.start_activity(name, args=[] if argument is None else [argument], **read(options))
        await asyncio.sleep(GAP)
        handle.cancel()
        try:
            return f"completed {await handle}"
        except BaseException as error:
            return f"{type(error).__name__} {type(error.__cause__).__name__}"


@workflow.defn
class Timers:
    @workflow.run
    async def run(self) -> str:
        cancelled = asyncio.create_task(workflow.sleep(1000, summary="never fires"))
        await asyncio.sleep(0.2)
        cancelled.cancel()
        await asyncio.sleep(0.2)
        at_once = asyncio.create_task(asyncio.sleep(1000))
        at_once.cancel()
        await workflow.wait([asyncio.create_task(asyncio.sleep(delay)) for delay in (0.2, 0.2 + 2 * GAP)])
        try:
            await workflow.wait_condition(lambda: False, timeout=0.1)
        except asyncio.TimeoutError:
            return "timed out"
        return "not"


@workflow.defn
class Mailbox:
    """Collects what it is sent until it is told to end."""

    def __init__(self) -> None:
        self.got: list[str] = []

    @workflow.signal
    def add(self, text: str) -> None:
        self.got.append(text)

    @workflow.query
    def state(self) -> list[str]:
        return self.got

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "end" in self.got)
        return self.got


@workflow.defn
class Forever:
    @workflow.run
    async def run(self) -> None:
        await asyncio.sleep(1000)


@workflow.defn
class CleansUp:
    @workflow.run
    async def run(self) -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await workflow.execute_activity(echo, "cleaned", start_to_close_timeout=SHORT)
            raise
        return "not cancelled"


@workflow.defn
class Fails:
    @workflow.run
    async def run(self, until: int, non_retryable: bool) -> int:
        if workflow.info().attempt < until:
            raise ApplicationError("fails", "detail", type="Fails", non_retryable=non_retryable)
        return workflow.info().attempt


@workflow.defn
class Again:
    @workflow.run
    async def run(self, left: int) -> dict:
        if left > 0:
            workflow.continue_as_new(
                left - 1,
                memo={"left": left},
                run_timeout=timedelta(seconds=50 + left),
                search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "again")]),
            )
        return {"memo": workflow.memo()}


@workflow.defn
class Plain:
    """Continues as new with what it has."""

    @workflow.run
    async def run(self, left: int) -> int:
        if left > 0:
            await asyncio.sleep(0.1)
            workflow.continue_as_new(left - 1)
        return left


@workflow.defn
class Parent:
    """Starts a child; the keys are those of `start_child_workflow`."""

    @workflow.run
    async def run(self, name: str, arguments: list, options: dict, then: str) -> str:
        try:
            child = await workflow.start_child_workflow(
                name, args=arguments, id=f"{workflow.info().workflow_id}-child", **read(options)
            )
            if then in ("leave", "fail"):
                await asyncio.sleep(2 * GAP)
            if then == "leave":
                return "left"
            if then == "fail":
                raise ApplicationError("fails with a child")
            if then == "signal":
                await asyncio.sleep(GAP)
                await child.signal("add", "from the parent")
                await asyncio.sleep(GAP)
                await child.signal("add", "end")
            if then == "cancel":
                await asyncio.sleep(GAP)
                child.cancel()
            return f"completed {await child}"
        except ApplicationError:
            raise
        except BaseException as error:
            cause = error.__cause__
            return f"{type(error).__name__} {type(cause).__name__} {cause}"


@workflow.defn
class Reaches:
    """Signals or cancels another workflow."""

    @workflow.run
    async def run(self, how: str, workflow_id: str) -> str:
        other = workflow.get_external_workflow_handle(workflow_id)
        try:
            if how == "signal":
                await other.signal("add", "from outside")
            else:
                await other.cancel()
        except Exception as error:
            return repr(error)
        return "reached"


@workflow.defn
class Upserts:
    @workflow.run
    async def run(self) -> None:
        workflow.upsert_memo({"a": 1, "b": "two"})
        workflow.upsert_memo({"a": None, "c": [3]})
        workflow.upsert_search_attributes([KEYWORD.value_set("upserted")])
        await asyncio.sleep(0.1)
        workflow.upsert_search_attributes([KEYWORD.value_unset()])


@workflow.defn
class Patched:
    @workflow.run
    async def run(self) -> bool:
        new = workflow.patched("new")
        workflow.deprecate_patch("old")
        await asyncio.sleep(0.1)
        return new and workflow.patched("new")


@workflow.defn(sandboxed=False)
class Breaks:
    """Its first tasks fail."""

    @workflow.run
    async def run(self, times: int) -> str:
        tasks[workflow.info().workflow_id] += 1
        if tasks[workflow.info().workflow_id] <= times:
            raise RuntimeError("a bug")
        await asyncio.sleep(0.1)
        return "repaired"


@workflow.defn(sandboxed=False)
class Blocks:
    """Its first task takes as long as it is told, so that things happen meanwhile. Then an activity, or nothing."""

    def __init__(self) -> None:
        self.got: list[str] = []

    @workflow.signal
    def add(self, text: str) -> None:
        self.got.append(text)

    @workflow.run
    async def run(self, seconds: float, then: str) -> list[str]:
        key = workflow.info().workflow_id
        if then == "result meanwhile":
            call = workflow.start_activity(sleep, 1.5 * GAP, start_to_close_timeout=SHORT, retry_policy=ONCE)
            await asyncio.sleep(GAP / 2)
        tasks[key] += 1
        if tasks[key] == 1:
            time.sleep(seconds)
        if then == "activity":
            await workflow.execute_activity(echo, "after", start_to_close_timeout=SHORT)
        if then == "result meanwhile":
            await call
        if then == "timer":
            await asyncio.sleep(2 * GAP)
        return self.got


WORKFLOWS = [
    Call, CallLocal, CancelCall, Timers, Mailbox, Forever, CleansUp, Fails, Again, Plain, Parent, Reaches, Upserts,
    Patched, Breaks, Blocks,
]  # fmt: skip


def read(options: dict) -> dict:
    """Options as the SDK has them; names ending in `_timeout` and `_threshold` are in seconds."""

    def one(name: str, value: object) -> object:
        if name.endswith(("_timeout", "_threshold")):
            return timedelta(seconds=value)
        if name == "retry_policy":
            seconds = {"initial_interval", "maximum_interval"}
            return RetryPolicy(
                **{key: timedelta(seconds=it) if key in seconds else it for key, it in value.items()}
            )
        if name == "cancellation_type":
            kind = value.split()
            types = {"activity": workflow.ActivityCancellationType, "child": workflow.ChildWorkflowCancellationType}
            return types[kind[0]][kind[1]]
        if name == "parent_close_policy":
            return workflow.ParentClosePolicy[value]
        return value

    return {name: one(name, value) for name, value in options.items()}


# Cases. Each begins with the workflow of its own name.

Case = Callable[["Run"], Awaitable[None]]
CASES: dict[str, Case] = {}


class Run:
    """One case in the making."""

    def __init__(self, client: Client, queue: str, name: str) -> None:
        self.client = client
        self.queue = queue
        self.task_queue = queue
        self.name = name
        self.ids: list[str] = []
        self.answers: dict[str, Any] = {}

    def answered(self, name: str, answer: Any) -> None:
        """Notes what the service answered: a message, or what JSON has."""
        said = MessageToDict(answer) if isinstance(answer, Message) else answer
        self.answers[f"{self.name}, {name}"] = said

    def id(self, suffix: str = "") -> str:
        return f"{self.queue}-{self.name}{suffix}"

    async def start(self, of: type, *arguments: object, suffix: str = "", **options: object) -> WorkflowHandle:
        workflow_id = self.id(suffix)
        self.ids.append(workflow_id)
        return await self.client.start_workflow(
            of.run, args=arguments, id=workflow_id, task_queue=self.task_queue, **options
        )

    async def end(self, of: type, *arguments: object, **options: object) -> None:
        await ended(await self.start(of, *arguments, **options))

    def handle(self, suffix: str) -> WorkflowHandle:
        return self.client.get_workflow_handle(self.id(suffix))


async def ended(handle: WorkflowHandle) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        pass


async def until(handle: WorkflowHandle, done: Callable[[list[str]], bool]) -> None:
    """Waits for something in the history of a workflow."""
    while True:
        try:
            events = (await handle.fetch_history()).events
            if done([event.WhichOneof("attributes").removesuffix("_event_attributes") for event in events]):
                return
        except Exception as error:
            if "not found" not in str(error):
                raise
        await asyncio.sleep(0.05)


async def idle(handle: WorkflowHandle) -> None:
    """Waits until the worker has nothing to do in a workflow."""
    await until(handle, lambda types: [it for it in types if it.startswith("workflow_task")][-1:] == ["workflow_task_completed"])


async def in_task(handle: WorkflowHandle) -> None:
    """Waits until the worker is in a task."""
    await until(handle, lambda types: types[-1] == "workflow_task_started")
    await asyncio.sleep(0.1)


async def activity_started(handle: WorkflowHandle) -> None:
    """Waits until the worker has an attempt of the workflow's only activity."""
    while True:
        pending = (await handle.describe()).raw_description.pending_activities
        if [it.state for it in pending] == [PendingActivityState.PENDING_ACTIVITY_STATE_STARTED]:
            return
        await asyncio.sleep(0.05)


def case(action: Case) -> Case:
    CASES[action.__name__] = action
    return action


def ends(name: str, of: type, *arguments: object, **options: object) -> None:
    """A case that is one workflow, which ends by itself."""

    async def action(run: Run) -> None:
        await run.end(of, *arguments, **options)

    CASES[name] = action


QUICK = {"start_to_close_timeout": 20}
RETRIED = {**QUICK, "retry_policy": {"initial_interval": 0.1}}

ends("activity_completes", Call, "echo", "hello", QUICK)
ends("activity_of_every_option", Call, "echo", "hello", {
    "activity_id": "mine", "schedule_to_close_timeout": 30, "schedule_to_start_timeout": 25, "summary": "what it is for",
    "start_to_close_timeout": 20, "heartbeat_timeout": 40, "retry_policy": {"initial_interval": 1, "maximum_attempts": 5,
    "backoff_coefficient": 3.0, "maximum_interval": 10, "non_retryable_error_types": ["A", "B"]},
})  # fmt: skip
ends("activity_schedule_to_close_only", Call, "echo", "hello", {"schedule_to_close_timeout": 30})
ends("activity_in_run_timeout", Call, "echo", "hello", {"start_to_close_timeout": 100}, run_timeout=timedelta(seconds=50))
ends("activity_retries", Call, "fail_until", 3, RETRIED)
ends("activity_gives_up", Call, "fail_until", 9, {**QUICK, "retry_policy": {"initial_interval": 0.1, "maximum_attempts": 2}})
ends("activity_fails_for_good", Call, "fail_for_good", None, RETRIED)
ends("activity_of_bad_type", Call, "fail_until", 9, {**QUICK, "retry_policy": {"non_retryable_error_types": ["NotYet"]}})
ends("activity_sets_its_delay", Call, "fail_with_delay", None, {**QUICK, "retry_policy": {"initial_interval": 60}})
ends("activity_without_code", Call, "unknown", None, {**QUICK, "retry_policy": {"maximum_attempts": 1}})
ends("activity_goes_on_from_heartbeat", Call, "progress", None, RETRIED)
ends("start_to_close", Call, "sleep", 3, {"start_to_close_timeout": 1, "retry_policy": {"maximum_attempts": 1}})
ends("start_to_close_twice", Call, "sleep", 3, {"start_to_close_timeout": 1, "retry_policy": {"initial_interval": 0.1, "maximum_attempts": 2}})
ends("start_to_close_not_retried", Call, "sleep", 3, {"start_to_close_timeout": 1, "retry_policy": {"non_retryable_error_types": ["TemporalTimeout:StartToClose"]}})
ends("schedule_to_start", Call, "echo", "x", {**QUICK, "schedule_to_start_timeout": 1, "task_queue": UNPOLLED})
ends("schedule_to_close_in_queue", Call, "echo", "x", {"schedule_to_close_timeout": 1, "task_queue": UNPOLLED})
ends("schedule_to_close_in_attempt", Call, "sleep", 3, {"schedule_to_close_timeout": 1})
ends("schedule_to_close_in_backoff", Call, "fail_until", 9, {"schedule_to_close_timeout": 2, "retry_policy": {"initial_interval": 5}})
ends("heartbeat_timeout", Call, "sleep", 3, {**QUICK, "heartbeat_timeout": 1, "retry_policy": {"maximum_attempts": 1}})
ends("no_time_after_start_to_close", Call, "sleep", 3, {"start_to_close_timeout": 1, "schedule_to_close_timeout": 4, "retry_policy": {"initial_interval": 10}})
ends("no_time_after_heartbeat", Call, "progress_and_hang", None, {"heartbeat_timeout": 1, "schedule_to_close_timeout": 4, "retry_policy": {"initial_interval": 10}})
for cancellation in ("TRY_CANCEL", "WAIT_CANCELLATION_COMPLETED", "ABANDON"):
    options = {"start_to_close_timeout": 60, "heartbeat_timeout": 5, "cancellation_type": f"activity {cancellation}"}
    ends(f"cancel_activity_{cancellation}", CancelCall, "beat", "cancel", options)
    ends(f"cancel_activity_in_queue_{cancellation}", CancelCall, "beat", "cancel", {**options, "task_queue": UNPOLLED})
    ends(f"cancel_activity_in_backoff_{cancellation}", CancelCall, "fail_until", 9, {**options, "retry_policy": {"initial_interval": 60}})
for then in ("complete", "fail"):
    options = {"start_to_close_timeout": 60, "heartbeat_timeout": 5, "cancellation_type": "activity WAIT_CANCELLATION_COMPLETED"}
    ends(f"cancelled_activity_{then}s", CancelCall, "beat", then, options)
ends("timers", Timers)
ends("local_activity", CallLocal, "echo", "here", QUICK)
ends("local_activity_retries", CallLocal, "fail_until", 2, RETRIED)
ends("local_activity_waits_in_timer", CallLocal, "fail_until", 2, {**QUICK, "local_retry_threshold": 0.1, "retry_policy": {"initial_interval": 1}})
ends("local_activity_fails", CallLocal, "fail_for_good", None, QUICK)
ends("local_activity_is_long", CallLocal, "sleep", 2.5, QUICK, task_timeout=timedelta(seconds=1))
ends("upserts", Upserts)
ends("patched", Patched)
ends("continues_with_changes", Again, 2, memo={"first": True}, run_timeout=timedelta(seconds=40), task_timeout=timedelta(seconds=7))
ends("continues_as_it_is", Plain, 2, memo={"a": 1}, execution_timeout=timedelta(seconds=60), retry_policy=RetryPolicy(maximum_attempts=3))
ends("workflow_retries", Fails, 3, False, retry_policy=SOON)
ends("workflow_gives_up", Fails, 9, False, retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2))
ends("workflow_fails", Fails, 9, False)
ends("workflow_fails_for_good", Fails, 9, True, retry_policy=SOON)
ends("run_timeout", Forever, run_timeout=SOON_OVER)
ends("execution_timeout", Forever, execution_timeout=SOON_OVER)
ends("execution_timeout_in_backoff", Fails, 9, False, execution_timeout=SOON_OVER, retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5)))
ends("run_timeout_retried", Forever, run_timeout=SOON_OVER, retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2))
ends("start_delay", Fails, 0, False, start_delay=SOON_OVER)
ends("task_fails_once", Breaks, 1)
ends("task_fails_thrice", Breaks, 3)
ends("task_times_out", Blocks, 1.6, "timer", task_timeout=timedelta(seconds=1))
ends("result_during_task", Blocks, 2 * GAP, "result meanwhile")
ends("everything_in_the_start", Fails, 0, False, memo={"m": 1}, static_summary="summary", static_details="details",
    search_attributes=TypedSearchAttributes([SearchAttributePair(KEYWORD, "start")]), priority=Priority(priority_key=2),
    execution_timeout=timedelta(seconds=90), run_timeout=timedelta(seconds=80), task_timeout=timedelta(seconds=9))  # fmt: skip

ends("child_completes", Parent, "Fails", [0, False], {}, "wait")
ends("child_fails", Parent, "Fails", [9, False], {}, "wait")
ends("child_retries", Parent, "Fails", [2, False], {"retry_policy": {"initial_interval": 0.1}}, "wait")
ends("child_continues", Parent, "Plain", [1], {}, "wait")
ends("child_times_out", Parent, "Forever", [], {"run_timeout": 1}, "wait")
ends("child_of_every_option", Parent, "Fails", [0, False], {"memo": {"m": 1}, "execution_timeout": 60, "run_timeout": 50,
    "task_timeout": 9, "static_summary": "summary", "static_details": "details"}, "wait")  # fmt: skip
ends("child_is_signalled", Parent, "Mailbox", [], {}, "signal")
for cancellation in ("TRY_CANCEL", "WAIT_CANCELLATION_REQUESTED", "WAIT_CANCELLATION_COMPLETED", "ABANDON"):
    ends(f"cancel_child_{cancellation}", Parent, "Forever", [], {"cancellation_type": f"child {cancellation}"}, "cancel")


@case
async def child_is_terminated(run: Run) -> None:
    parent = await run.start(Parent, "Forever", [], {}, "wait")
    await idle(run.handle("-child"))
    await idle(parent)
    await run.handle("-child").terminate("by hand")
    await ended(parent)


@case
async def child_exists_already(run: Run) -> None:
    other = await run.start(Forever, suffix="-child")
    await idle(other)
    await run.end(Parent, "Forever", [], {}, "wait")
    await other.terminate()


for policy in ("TERMINATE", "ABANDON", "REQUEST_CANCEL"):
    for then in ("leave", "fail"):

        async def close(run: Run, policy: str = policy, then: str = then) -> None:
            parent = await run.start(Parent, "Mailbox", [], {"parent_close_policy": policy}, then)
            await ended(parent)
            child = run.handle("-child")
            if policy == "ABANDON":
                await idle(child)
                await child.signal("add", "end")
            await ended(child)

        CASES[f"parent_close_{policy}_{then}"] = close


@case
async def parent_is_terminated(run: Run) -> None:
    parent = await run.start(Parent, "Forever", [], {}, "wait")
    await idle(run.handle("-child"))
    await idle(parent)
    await parent.terminate("with child")
    await ended(run.handle("-child"))


@case
async def parent_is_cancelled(run: Run) -> None:
    parent = await run.start(Parent, "Forever", [], {}, "wait")
    await idle(run.handle("-child"))
    await idle(parent)
    await parent.cancel()
    await ended(parent)


@case
async def signals(run: Run) -> None:
    mailbox = await run.start(Mailbox)
    for text in ("one", "two", "end"):
        await idle(mailbox)
        await mailbox.query(Mailbox.state)
        await mailbox.signal(Mailbox.add, text)
    await ended(mailbox)


@case
async def signal_with_start(run: Run) -> None:
    first = await run.start(Mailbox, start_signal="add", start_signal_args=["with start"])
    await idle(first)
    again = await run.start(Mailbox, start_signal="add", start_signal_args=["again"])
    await idle(again)
    await again.signal(Mailbox.add, "end")
    await ended(again)


@case
async def external_signal(run: Run) -> None:
    mailbox = await run.start(Mailbox, suffix="-other")
    await idle(mailbox)
    await run.end(Reaches, "signal", mailbox.id)
    await idle(mailbox)
    await mailbox.signal(Mailbox.add, "end")
    await ended(mailbox)


@case
async def external_cancel(run: Run) -> None:
    other = await run.start(Forever, suffix="-other")
    await idle(other)
    await run.end(Reaches, "cancel", other.id)
    await ended(other)


@case
async def external_signal_to_nobody(run: Run) -> None:
    await run.end(Reaches, "signal", "absent")


@case
async def external_cancel_of_nobody(run: Run) -> None:
    await run.end(Reaches, "cancel", "absent")


@case
async def external_signal_too_late(run: Run) -> None:
    await run.end(Fails, 0, False, suffix="-other")
    await run.end(Reaches, "signal", run.id("-other"))


@case
async def external_cancel_too_late(run: Run) -> None:
    await run.end(Fails, 0, False, suffix="-other")
    await run.end(Reaches, "cancel", run.id("-other"))


@case
async def cancelled(run: Run) -> None:
    handle = await run.start(Forever)
    await idle(handle)
    await handle.cancel()
    await ended(handle)


@case
async def cancelled_with_cleanup(run: Run) -> None:
    handle = await run.start(CleansUp)
    await idle(handle)
    await handle.cancel()
    await ended(handle)


@case
async def cancelled_too_late(run: Run) -> None:
    handle = await run.start(Fails, 0, False)
    await ended(handle)
    await handle.cancel()


@case
async def refused_too_late(run: Run) -> None:
    handle = await run.start(Fails, 0, False)
    await ended(handle)
    for too_late in (handle.terminate(), handle.signal("add", "x")):
        try:
            await too_late
        except RPCError as error:
            assert error.message == "workflow execution already completed", error.message
        else:
            raise AssertionError("not refused")


@case
async def terminated(run: Run) -> None:
    handle = await run.start(Forever)
    await idle(handle)
    await handle.terminate("a detail", 2, reason="a reason")


@case
async def terminated_without_reason(run: Run) -> None:
    handle = await run.start(Forever)
    await idle(handle)
    await handle.terminate()


@case
async def terminated_by_the_next(run: Run) -> None:
    await idle(await run.start(Forever))
    await run.end(Fails, 0, False, id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING)


@case
async def existing_is_used(run: Run) -> None:
    await idle(await run.start(Forever))
    handle = await run.start(Forever, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING)
    await handle.terminate("used")


@case
async def id_is_reused(run: Run) -> None:
    await run.end(Fails, 9, False)
    await run.end(Fails, 0, False, id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)


def meanwhile(name: str, then: str, action: Callable[[WorkflowHandle], Awaitable[None]]) -> None:
    """A case in which something happens during the first task of a workflow."""

    async def run_it(run: Run) -> None:
        handle = await run.start(Blocks, 2 * GAP, then)
        await in_task(handle)
        await action(handle)
        await ended(handle)

    CASES[name] = run_it


meanwhile("signal_during_task", "activity", lambda handle: handle.signal(Blocks.add, "meanwhile"))
meanwhile("signal_during_last_task", "nothing", lambda handle: handle.signal(Blocks.add, "meanwhile"))
meanwhile("cancel_during_task", "timer", lambda handle: handle.cancel())
meanwhile("cancel_during_last_task", "nothing", lambda handle: handle.cancel())
meanwhile("terminate_during_task", "activity", lambda handle: handle.terminate("meanwhile"))


async def outside(run: Run) -> tuple[WorkflowHandle, object]:
    """An activity that waits for the client."""
    handle = await run.start(Call, "from_outside", None, {**QUICK, "activity_id": "outside", "retry_policy": {"maximum_attempts": 1}})
    await activity_started(handle)
    return handle, run.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id="outside")


@case
async def completed_from_outside(run: Run) -> None:
    handle, call = await outside(run)
    await call.heartbeat("progress")
    await call.complete("by the client")
    await ended(handle)


@case
async def failed_from_outside(run: Run) -> None:
    handle, call = await outside(run)
    await call.fail(ApplicationError("by the client"), last_heartbeat_details=["last"])
    await ended(handle)


async def main(address: str, queue: str, report: str, *only: str) -> None:
    client = await Client.connect(address)
    runs: list[Run] = []
    wrong: dict[str, str] = {}

    turns = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        run = Run(client, queue, name)
        runs.append(run)
        try:
            async with turns:
                await asyncio.wait_for(CASES[name](run), PATIENCE)
        except Exception as error:
            wrong[name] = repr(error)

    worker = Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=ACTIVITIES, max_concurrent_activities=100)
    async with worker:
        await asyncio.gather(*map(one, only or CASES))
    # Not printed: the SDK logs to standard output.
    with open(report, "w", encoding="utf-8") as file:
        workflows = sorted({id for run in runs for id in run.ids})
        answers = {name: answer for run in runs for name, answer in run.answers.items()}
        json.dump({"workflows": workflows, "answers": answers, "wrong": wrong}, file)
    # Not sys.exit: the SDK's threads may still call into an interpreter that is being torn down.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
