/** Presence the obvious way with stock `ws`: the list for who comes, and each change to everybody with `send`. */
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { change, Crowd, type Status } from './crowd.ts'

const server = createServer((_, response) => response.end())
const sockets = new WebSocketServer({ server })
const crowd = new Crowd()

const tell = (id: string, status: Status): void => {
  const text = JSON.stringify({ type: 'presence.updated', ...change(id, status) })
  for (const client of sockets.clients) if (client.readyState === WebSocket.OPEN) client.send(text)
}

sockets.on('connection', (socket, request) => {
  const id = new URL(request.url!, 'http://unused').searchParams.get('user')
  const isNew = id !== null && crowd.enter(id)
  socket.send(JSON.stringify({ type: 'presence.list', data: crowd.list() }))
  if (id === null) {
    sockets.clients.delete(socket) // the load generator's own line, by which it changes somebody's status
    socket.on('message', (data) => {
      const { user_id, status } = JSON.parse((data as Buffer).toString()) as { user_id: string; status: Status }
      crowd.set(user_id, status)
      tell(user_id, status)
    })
    return
  }
  if (isNew) tell(id, 'online')
  socket.on('close', () => {
    if (crowd.leave(id)) tell(id, 'offline')
  })
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
