/** The stock `ws` server: each message of a publisher goes to every member with `send`; nothing is stored. */
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'

const server = createServer((_, response) => response.end())
const sockets = new WebSocketServer({ server })
sockets.on('connection', (socket, request) => {
  if (request.url !== '/publish') return
  sockets.clients.delete(socket) // a publisher is not a member
  socket.on('message', (data) => {
    const text = (data as Buffer).toString()
    for (const client of sockets.clients) if (client.readyState === WebSocket.OPEN) client.send(text)
  })
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
