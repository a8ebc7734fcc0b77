"""Schedules under the official client and worker. What they start is in the past, so that ids and times are the same
on every service.

Arguments and report as those of machines.py.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import machines
from machines import CASES, SHORT, Run, case
from temporalio import workflow
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleListDescription,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowFailureError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

CASES.clear()
DAY = datetime(2024, 3, 15, tzinfo=timezone.utc)
HOURLY = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])


@workflow.defn(sandboxed=False)
class Report:
    """Answers what its schedule hands on, and fails if it is told so."""

    @workflow.run
    async def run(self, what: str) -> list[str]:
        last = workflow.get_last_completion_result() or []
        if what == "fail":
            raise ApplicationError("no paper", type="Printer", non_retryable=True)
        if workflow.get_last_failure() is not None:
            return [*last, "after a failure"]
        return [*last, workflow.info().workflow_id[-20:]]


def schedule(run: Run, spec: ScheduleSpec = HOURLY, what: str = "report", **policy: Any) -> Schedule:
    action = ScheduleActionStartWorkflow(
        Report.run, what, id=run.id(), task_queue=run.queue, task_timeout=SHORT, memo={"of": "action"}
    )
    return Schedule(action, spec, policy=SchedulePolicy(**policy), state=ScheduleState(paused=True, note="at first"))


async def until(handle: ScheduleHandle, done: Callable[[ScheduleDescription], bool]) -> ScheduleDescription:
    while not done(description := await handle.describe()):
        await asyncio.sleep(0.1)
    return description


def at(hours: int) -> datetime:
    return DAY + timedelta(hours=hours)


def started(run: Run, hours: int) -> str:
    workflow_id = f"{run.id()}-{at(hours):%Y-%m-%dT%H:%M:%SZ}"
    run.ids.append(workflow_id)
    return workflow_id


@case
async def backfill_one_after_the_other(run: Run) -> None:
    handle = await run.client.create_schedule(run.id(), schedule(run))
    await handle.backfill(ScheduleBackfill(at(10), at(12), overlap=ScheduleOverlapPolicy.BUFFER_ALL))
    description = await until(handle, lambda it: it.info.num_actions == 3 and not it.info.running_actions)
    assert [it.scheduled_at for it in description.info.recent_actions] == [at(10), at(11), at(12)]
    ids = [started(run, hours) for hours in (10, 11, 12)]
    assert [it.action.workflow_id for it in description.info.recent_actions] == ids
    assert await run.client.get_workflow_handle(ids[2]).result() == [
        "2024-03-15T10:00:00Z", "2024-03-15T11:00:00Z", "2024-03-15T12:00:00Z"
    ]
    info = await run.client.get_workflow_handle(ids[0]).describe()
    attributes = {pair.key.name: pair.value for pair in info.typed_search_attributes}
    assert attributes["TemporalScheduledById"] == run.id(), attributes
    assert attributes["TemporalScheduledStartTime"] == at(10), attributes
    await handle.delete()


@case
async def backfill_all_at_once(run: Run) -> None:
    handle = await run.client.create_schedule(run.id(), schedule(run))
    await handle.backfill(ScheduleBackfill(at(0), at(14), overlap=ScheduleOverlapPolicy.ALLOW_ALL))
    description = await until(handle, lambda it: it.info.num_actions == 15)
    assert [it.scheduled_at for it in description.info.recent_actions] == [at(hours) for hours in range(5, 15)]
    for hours in range(15):
        # Each for itself: nothing is handed on.
        name = started(run, hours)
        assert await run.client.get_workflow_handle(name).result() == [name[-20:]]
    await handle.delete()


@case
async def a_failure_is_handed_on(run: Run) -> None:
    handle = await run.client.create_schedule(run.id(), schedule(run, what="fail"))
    one = ScheduleBackfill(at(1), at(1), overlap=ScheduleOverlapPolicy.BUFFER_ALL)
    await handle.backfill(one)
    try:
        await until(handle, lambda it: it.info.num_actions == 1)
        await run.client.get_workflow_handle(started(run, 1)).result()
        raise AssertionError("it did not fail")
    except WorkflowFailureError:
        pass

    async def report(input: ScheduleUpdateInput) -> ScheduleUpdate:
        input.description.schedule.action.args = ["report"]
        return ScheduleUpdate(input.description.schedule)

    await handle.update(report)
    await handle.backfill(ScheduleBackfill(at(2), at(3), overlap=ScheduleOverlapPolicy.BUFFER_ALL))
    await until(handle, lambda it: it.info.num_actions == 3 and not it.info.running_actions)
    ids = [started(run, hours) for hours in (2, 3)]
    assert await run.client.get_workflow_handle(ids[0]).result() == ["after a failure"]
    assert await run.client.get_workflow_handle(ids[1]).result() == ["after a failure", "2024-03-15T03:00:00Z"]
    await handle.delete()


@case
async def a_failure_pauses(run: Run) -> None:
    failing = schedule(run, what="fail", pause_on_failure=True)
    failing.state = ScheduleState(limited_actions=True, remaining_actions=1)
    handle = await run.client.create_schedule(run.id(), failing)
    await handle.backfill(ScheduleBackfill(at(1), at(1)))
    description = await until(handle, lambda it: it.schedule.state.paused)
    assert description.schedule.state.note == f"paused due to workflow failure: {started(run, 1)}: no paper"
    assert description.schedule.state.remaining_actions == 1
    await handle.delete()


@case
async def descriptions_say_what_is_kept(run: Run) -> None:
    spec = ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(3, 9, 2)], month=[ScheduleRange(5)], comment="May")],
        cron_expressions=["CRON_TZ=Europe/Berlin 15 8,20 1-7/2 * MON-FRI 2030 # twice a day"],
        intervals=[ScheduleIntervalSpec(every=timedelta(hours=5), offset=timedelta(minutes=7))],
        skip=[ScheduleCalendarSpec(day_of_week=[ScheduleRange(6)])],
        start_at=at(0),
        jitter=timedelta(seconds=3),
    )
    handle = await run.client.create_schedule(
        run.id(),
        schedule(run, spec, overlap=ScheduleOverlapPolicy.BUFFER_ONE),
        memo={"of": "schedule"},
        search_attributes=TypedSearchAttributes([SearchAttributePair(machines.KEYWORD, run.id())]),
    )
    description = await handle.describe()
    kept = description.schedule

    def calendar(**fields: tuple[ScheduleRange, ...] | str | None) -> ScheduleCalendarSpec:
        zero, days = (ScheduleRange(0, 0, 1),), (ScheduleRange(1, 31, 1),)
        every = {"second": zero, "minute": zero, "hour": zero, "day_of_month": days}
        return ScheduleCalendarSpec(**(every | fields))

    months, week = (ScheduleRange(1, 12, 1),), (ScheduleRange(0, 6, 1),)
    twice = (ScheduleRange(8, 8, 1), ScheduleRange(20, 20, 1))
    assert kept.spec == ScheduleSpec(
        calendars=[
            calendar(hour=(ScheduleRange(3, 9, 2),), month=(ScheduleRange(5, 5, 1),), day_of_week=week, comment="May"),
            calendar(
                minute=(ScheduleRange(15, 15, 1),),
                hour=twice,
                day_of_month=(ScheduleRange(1, 7, 2),),
                month=months,
                year=(ScheduleRange(2030, 2030, 1),),
                day_of_week=(ScheduleRange(1, 5, 1),),
                comment="twice a day",
            ),
        ],
        intervals=spec.intervals,
        skip=[calendar(month=months, day_of_week=(ScheduleRange(6, 6, 1),))],
        start_at=at(0),
        jitter=timedelta(seconds=3),
        time_zone_name="Europe/Berlin",
    ), kept.spec
    assert (kept.policy.overlap, kept.policy.catchup_window) == (ScheduleOverlapPolicy.BUFFER_ONE, timedelta(days=365))
    assert (kept.state.paused, kept.state.note, kept.state.limited_actions) == (True, "at first", False)
    assert await description.memo() == {"of": "schedule"}
    assert description.typed_search_attributes[machines.KEYWORD] == run.id()
    assert (description.info.num_actions, description.info.last_updated_at) == (0, None)
    assert len(description.info.next_action_times) == 10
    await handle.delete()


@case
async def times_are_those_of_the_zone(run: Run) -> None:
    zone = ZoneInfo("America/New_York")
    spec = ScheduleSpec(cron_expressions=["30 9 * * *"], time_zone_name=zone.key)
    handle = await run.client.create_schedule(run.id(), schedule(run, spec))
    times = (await handle.describe()).info.next_action_times
    assert all((it.hour, it.minute, it.second) == (9, 30, 0) for it in (time.astimezone(zone) for time in times))
    assert [it.date().toordinal() - times[0].date().toordinal() for it in times] == list(range(10))
    # The clock goes forward on 10 March 2024, and back on 3 November: 1:30 is there twice.
    early = ScheduleSpec(cron_expressions=["30 1,2 * * *"], time_zone_name=zone.key)
    await handle.update(lambda input: ScheduleUpdate(schedule(run, early)))
    # Whether a time belongs to a zone's change is seen in what a backfill takes.
    for month, day, expected in ((3, 10, ["06:30"]), (11, 3, ["05:30", "06:30", "07:30"])):
        before = (await handle.describe()).info.num_actions
        midnight = datetime(2024, month, day, tzinfo=zone).astimezone(timezone.utc)
        until_noon = ScheduleBackfill(midnight, midnight + timedelta(hours=12), overlap=ScheduleOverlapPolicy.ALLOW_ALL)
        await handle.backfill(until_noon)
        described = await until(handle, lambda it: it.info.num_actions == before + len(expected))
        taken = [f"{it.scheduled_at:%H:%M}" for it in described.info.recent_actions[-len(expected):]]
        assert taken == expected, taken
    await handle.delete()


@case
async def pauses_and_triggers(run: Run) -> None:
    handle = await run.client.create_schedule(run.id(), schedule(run))
    await handle.unpause(note="go on")
    state = (await until(handle, lambda it: not it.schedule.state.paused)).schedule.state
    assert state.note == "go on", state
    await handle.pause()
    state = (await until(handle, lambda it: it.schedule.state.paused)).schedule.state
    assert state.note == "Paused via Python SDK", state
    await handle.trigger()
    description = await until(handle, lambda it: it.info.num_actions == 1)
    [action] = description.info.recent_actions
    assert action.action.workflow_id == f"{run.id()}-{action.scheduled_at:%Y-%m-%dT%H:%M:%SZ}"
    assert abs(action.started_at - action.scheduled_at) < timedelta(seconds=10)
    await handle.delete()


@case
async def lists_have_entries(run: Run) -> None:
    handle = await run.client.create_schedule(
        run.id(),
        schedule(run),
        search_attributes=TypedSearchAttributes([SearchAttributePair(machines.KEYWORD, run.id())]),
    )

    async def listed() -> list[ScheduleListDescription]:
        return [it async for it in await run.client.list_schedules(page_size=1) if it.id == run.id()]

    while not (found := await listed()):
        await asyncio.sleep(0.1)
    [entry] = found
    assert (entry.id, entry.schedule.action.workflow) == (run.id(), "Report"), entry
    assert (entry.schedule.state.paused, entry.schedule.state.note) == (True, "at first")
    assert len(entry.info.next_action_times) == 5
    await handle.delete()
    while await listed():
        await asyncio.sleep(0.1)


@case
async def refusals(run: Run) -> None:
    handle = await run.client.create_schedule(run.id(), schedule(run))
    try:
        await run.client.create_schedule(run.id(), schedule(run))
        raise AssertionError("created twice")
    except ScheduleAlreadyRunningError:
        pass
    for spec, expected in (
        (ScheduleSpec(cron_expressions=["61 * * * *"]), "Minute is not in range [0-59]"),
        (ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(milliseconds=1))]), "interval is too small"),
        (ScheduleSpec(time_zone_name="Mars/Phobos"), "unknown time zone Mars/Phobos"),
    ):
        try:
            await run.client.create_schedule(run.id("-bad"), schedule(run, spec))
            raise AssertionError(expected)
        except RPCError as error:
            assert expected in str(error), str(error)
    await handle.delete()
    for gone in (handle.describe, handle.delete, handle.trigger):
        try:
            await gone()
            raise AssertionError("it is still there")
        except RPCError as error:
            assert error.status.name == "NOT_FOUND", repr(error)
    # The id is free again.
    again = await run.client.create_schedule(run.id(), schedule(run))
    await again.delete()


if __name__ == "__main__":
    machines.WORKFLOWS[:] = [Report]
    machines.ACTIVITIES[:] = []
    asyncio.run(machines.main(*sys.argv[1:]))
