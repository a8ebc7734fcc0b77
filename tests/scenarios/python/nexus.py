"""A worker of the official SDK with Nexus handlers, and with a workflow that calls those of a host.

Arguments: address, task queue of the host, own task queue, endpoint of the host.
"""

import asyncio
import sys
from datetime import timedelta

import nexusrpc
import nexusrpc.handler
from temporalio import nexus, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, CancelledError, NexusOperationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn
class PythonCallee:
    @workflow.run
    async def run(self, name: str) -> str:
        if name.startswith("waits"):
            try:
                await asyncio.Future()
            finally:
                # So that its caller has heard that the request was taken.
                await asyncio.sleep(0.3)
        await asyncio.sleep(0.3)
        if name.startswith("fails"):
            raise ApplicationError(f"{name} is broken", type="Broken", non_retryable=True)
        return f"{name} is done"


@nexusrpc.service(name="handlers")
class Handlers:
    echo: nexusrpc.Operation[str, str]
    fail: nexusrpc.Operation[str, str]
    refuse: nexusrpc.Operation[str, str]
    run: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Handlers)
class HandlersInPython:
    @nexusrpc.handler.sync_operation
    async def echo(self, _: nexusrpc.handler.StartOperationContext, text: str) -> str:
        return f"echo of {text}"

    @nexusrpc.handler.sync_operation
    async def fail(self, _: nexusrpc.handler.StartOperationContext, message: str) -> str:
        raise nexusrpc.OperationError(message, state=nexusrpc.OperationErrorState.FAILED)

    @nexusrpc.handler.sync_operation
    async def refuse(self, _: nexusrpc.handler.StartOperationContext, message: str) -> str:
        raise nexusrpc.HandlerError(message, type=nexusrpc.HandlerErrorType.BAD_REQUEST)

    @nexus.workflow_run_operation
    async def run(self, ctx: nexus.WorkflowRunOperationContext, name: str) -> nexus.WorkflowHandle[str]:
        return await ctx.start_workflow(PythonCallee.run, name, id=name)


@workflow.defn
class PythonCaller:
    @workflow.run
    async def run(self) -> list[str]:
        client = workflow.create_nexus_client(service=Handlers, endpoint=ENDPOINT)
        ended = [
            await client.execute_operation(Handlers.echo, "one"),
            await client.execute_operation(Handlers.run, "completes-host"),
        ]
        for operation, text in ((Handlers.fail, "two"), (Handlers.refuse, "three"), (Handlers.run, "fails-host")):
            try:
                ended.append(await client.execute_operation(operation, text))
            except NexusOperationError as error:
                ended.append(f"failed: {type(error.cause).__name__}")
        handle = await client.start_operation(Handlers.run, "waits-host")
        await asyncio.sleep(0.5)
        handle.cancel()
        try:
            ended.append(await handle)
        except NexusOperationError as error:
            ended.append(f"cancelled: {isinstance(error.cause, CancelledError)}")
        return ended


async def main(address: str, task_queue: str) -> None:
    client = await Client.connect(address)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[PythonCallee, PythonCaller],
        nexus_service_handlers=[HandlersInPython()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=1),
    )
    await worker.run()


ENDPOINT = sys.argv[4]
asyncio.run(main(sys.argv[1], sys.argv[3]))
