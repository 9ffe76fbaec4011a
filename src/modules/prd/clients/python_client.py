"""An editor with python's socketio: URL, token, transport, path and PRD are given; each thing heard is a line."""

import asyncio
import json
import sys

import socketio

url, token, transport, path, prd = sys.argv[1:]
ROOM = "/prds"


def say(kind, *what):
    print(json.dumps([kind, *what], default=repr), flush=True)


async def main():
    client = socketio.AsyncClient(reconnection=False)
    called = asyncio.Event()

    @client.on("*", namespace=ROOM)
    async def heard(event, *data):
        if event != "ping":
            say(event, *data)
        if event == "content-update":
            called.set()

    await client.connect(url, transports=[transport], socketio_path=path, auth={"token": token}, namespaces=[ROOM])
    await client.call("join-prd", {"prdId": prd, "mode": "edit"}, namespace=ROOM)
    operation = {"type": "insert", "position": 5, "content": " \u00e4\U0001f40d", "timestamp": 1}
    update = {"prdId": prd, "operation": operation, "stateVector": []}
    say("edited", await client.call("content-update", update, namespace=ROOM))
    await client.call("join-prd", {"prdId": "prd_404"}, namespace=ROOM)
    say("ready")
    await asyncio.wait_for(called.wait(), 20)
    await client.call("leave-prd", {"prdId": prd}, namespace=ROOM)
    await client.disconnect()


asyncio.run(main())
