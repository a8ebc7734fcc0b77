"""Runs a sandboxed workflow whose payloads are compressed by a codec of the official client.

Arguments: address, task queue. Prints JSON: the result, and the encodings of the payloads that the service has.
"""

import asyncio
import dataclasses
import json
import sys
import zlib
from typing import Iterable, List

import temporalio.converter
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import PayloadCodec


class Zlib(PayloadCodec):
    """The codec `NewZlibCodec` of the SDK for Go."""

    async def encode(self, payloads: Iterable[Payload]) -> List[Payload]:
        return [
            Payload(metadata={"encoding": b"binary/zlib"}, data=zlib.compress(payload.SerializeToString()))
            for payload in payloads
        ]

    async def decode(self, payloads: Iterable[Payload]) -> List[Payload]:
        decoded = []
        for payload in payloads:
            if payload.metadata.get("encoding") == b"binary/zlib":
                payload = Payload.FromString(zlib.decompress(payload.data))
            decoded.append(payload)
        return decoded


async def main(address: str, task_queue: str) -> None:
    converter = dataclasses.replace(temporalio.converter.default(), payload_codec=Zlib())
    client = await Client.connect(address, data_converter=converter)
    handle = await client.start_workflow(
        "Greetings", "Ada " * 500, id=f"{task_queue}-zlib", task_queue=task_queue
    )
    result = await handle.result()
    events = (await handle.fetch_history()).events
    payloads = [
        *events[0].workflow_execution_started_event_attributes.input.payloads,
        *events[-1].workflow_execution_completed_event_attributes.result.payloads,
    ]
    for event in events:
        payloads.extend(event.activity_task_scheduled_event_attributes.input.payloads)
        payloads.extend(event.activity_task_completed_event_attributes.result.payloads)
    encodings = sorted({payload.metadata["encoding"].decode() for payload in payloads})
    print(json.dumps({"result": result, "encodings": encodings}))


asyncio.run(main(sys.argv[1], sys.argv[2]))
