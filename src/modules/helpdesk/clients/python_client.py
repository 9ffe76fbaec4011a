"""A customer with Debian's python3-socketio: URL, token, transport and channel are given; each thing heard is a line."""

import asyncio
import json
import sys

import socketio

url, token, transport, channel = sys.argv[1:]


def say(kind, *what):
    print(json.dumps([kind, *what]), flush=True)


async def main():
    client = socketio.AsyncClient(reconnection=False)
    called = asyncio.Event()

    @client.on("*")
    async def heard(event, *data):
        say("event", event, *data)
        if event == "chat:new_message" and data[0]["message"] == "goodbye":
            called.set()

    await client.connect(url, transports=[transport])
    await client.emit("authenticate", token)
    await client.emit("join_channel", int(channel))
    say("answer", "online", await client.call("presence:get_online_users"))
    await client.emit("chat:typing", {"channelId": int(channel), "isTyping": True})
    message = {"channelId": int(channel), "message": f"python says \u00e4\U0001f40d over {transport}", "messageType": "text"}
    say("answer", "sent", await client.call("chat:send_message", message))
    await client.emit("update_presence", {"status": "busy", "statusMessage": transport, "customStatus": None})
    await client.emit("presence:set_status", "away")
    await client.emit("chat:send_message", {"channelId": 999999, "message": "to nobody"})
    await client.emit("system_broadcast", {"message": "I may not"})
    await client.emit("update_presence", {"status": "asleep"})
    say("answer", "read", await client.call("message_read", {"channelId": int(channel), "messageId": None}))
    say("ready")
    await asyncio.wait_for(called.wait(), 20)
    await client.disconnect()


asyncio.run(main())
