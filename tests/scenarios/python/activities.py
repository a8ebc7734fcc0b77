"""Serves the activity of `greetings` with the official worker. Arguments: address, task queue."""

import asyncio
import sys
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker


@dataclass
class ComposeGreetingInput:
    greeting: str
    name: str


@activity.defn(name="compose_greeting")
async def compose_greeting(argument: ComposeGreetingInput) -> str:
    return f"{argument.greeting}, {argument.name}, says Python!"


async def main(address: str, task_queue: str) -> None:
    client = await Client.connect(address)
    await Worker(client, task_queue=task_queue, activities=[compose_greeting]).run()


asyncio.run(main(*sys.argv[1:]))
