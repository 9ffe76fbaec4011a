/** The stock Socket.IO server: each message of a publisher is emitted to a room; nothing is stored. */
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const server = createServer((_, response) => response.end())
const io = new Server(server)
io.on('connection', (socket) => {
  if (socket.handshake.query['publisher'] === undefined) void socket.join('room')
  else socket.on('publish', (payload: unknown) => io.to('room').emit('message', payload))
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
