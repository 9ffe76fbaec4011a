/** Presence of the helpdesk's document, the obvious way with stock Socket.IO: both of its events to everybody. */
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { Crowd, type Status } from './crowd.ts'

const server = createServer((_, response) => response.end())
const io = new Server(server)
const crowd = new Crowd()

const tell = (id: string, status: Status, reason: 'status_change' | 'disconnect'): void => {
  const userId = Number(id)
  io.emit('presence_updated', {
    userId,
    userDisplayName: `bench${id}`,
    status,
    statusMessage: null,
    customStatus: null,
    timestamp: new Date().toISOString(),
    reason,
  })
  io.emit('presence:update', { userId, status, connectionCount: crowd.all.get(id)?.connections ?? 0 })
}

interface Online {
  userId: number
  status: Status
  connectionCount: number
}

io.on('connection', (socket) => {
  const id = String(socket.handshake.query['user'])
  if (crowd.enter(id)) tell(id, 'online', 'status_change')
  socket.on('presence:get_online_users', (answer: (online: Online[]) => void) => {
    const online: Online[] = []
    for (const [user, { status, connections: connectionCount }] of crowd.all) {
      online.push({ userId: Number(user), status, connectionCount })
    }
    answer(online)
  })
  socket.on('update_presence', ({ status }: { status: Status }) => {
    crowd.set(id, status)
    tell(id, status, 'status_change')
  })
  socket.on('disconnect', () => {
    if (crowd.leave(id)) tell(id, 'offline', 'disconnect')
  })
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
