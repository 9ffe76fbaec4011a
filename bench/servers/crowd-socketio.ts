/** Presence the obvious way with stock Socket.IO: the list for who comes, and each change emitted to a room. */
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { change, Crowd, type Status } from './crowd.ts'

const server = createServer((_, response) => response.end())
const io = new Server(server)
const crowd = new Crowd()

const tell = (id: string, status: Status): boolean => io.to('room').emit('presence.updated', change(id, status))

io.on('connection', (socket) => {
  const id = socket.handshake.query['user']
  if (typeof id !== 'string') {
    // The load generator's own line, by which it changes somebody's status.
    socket.on('status', ({ user_id, status }: { user_id: string; status: Status }) => {
      crowd.set(user_id, status)
      tell(user_id, status)
    })
    return
  }
  void socket.join('room')
  const isNew = crowd.enter(id)
  socket.emit('presence.list', crowd.list())
  if (isNew) tell(id, 'online')
  socket.on('disconnect', () => {
    if (crowd.leave(id)) tell(id, 'offline')
  })
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
