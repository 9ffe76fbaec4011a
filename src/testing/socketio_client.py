"""Drives the toy protocol with python's Socket.IO client: socketio_client.py URL TRANSPORT. Prints one line each."""

import asyncio
import json
import sys

import socketio


async def main(url, transport):
    client = socketio.AsyncClient(reconnection=False)
    said = asyncio.get_running_loop().create_future()
    hello = asyncio.get_running_loop().create_future()
    ended = asyncio.get_running_loop().create_future()

    client.on('hello', lambda position: hello.set_result(position), namespace='/toys')
    client.on('said', lambda data: said.set_result(data), namespace='/toys')
    client.on('disconnect', lambda *_: ended.done() or ended.set_result('disconnect'), namespace='/toys')

    await client.connect(url, transports=[transport], auth={'token': 'user-1'}, namespaces=['/toys'])
    print(json.dumps(['transport', client.transport()]))
    print(json.dumps(['hello', await asyncio.wait_for(hello, 10)]))
    print(json.dumps(['echo', await client.call('echo', {'text': 'h\u00e9 \U0001f44d'}, namespace='/toys')]))
    echoed = asyncio.get_running_loop().create_future()
    client.on('bytes', lambda data: echoed.set_result(data), namespace='/toys')
    given = bytes(range(256)) * 2
    print(json.dumps(['call', await client.call('bytes', {'data': given}, namespace='/toys')]))
    back = await asyncio.wait_for(echoed, 10)
    print(json.dumps(['bytes', back['name'], isinstance(back['data'], bytes) and back['data'] == given]))
    await client.emit('say', {'text': 'one'}, namespace='/toys')
    print(json.dumps(['said', await asyncio.wait_for(said, 10)]))
    await client.disconnect()
    print(json.dumps(['ended', await asyncio.wait_for(ended, 10)]))


asyncio.run(main(sys.argv[1], sys.argv[2]))
