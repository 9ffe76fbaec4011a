import type { Route } from '../../kernel/route.ts'
import type { Parts } from './actions/parts.ts'
import { broadcastRoutes } from './routes/broadcasts.ts'
import { callRoutes } from './routes/calls.ts'
import { channelRoutes } from './routes/channels.ts'
import { fileRoutes } from './routes/files.ts'
import { iceRoutes } from './routes/ice.ts'
import { messageRoutes } from './routes/messages.ts'
import { peopleRoutes } from './routes/people.ts'
import { ticketRoutes } from './routes/tickets.ts'

/** REST doors of the helpdesk, under /api/helpdesk. */
export const helpdeskApiRoutes = (parts: Parts): readonly Route[] =>
  [
    channelRoutes,
    messageRoutes,
    ticketRoutes,
    fileRoutes,
    broadcastRoutes,
    callRoutes,
    iceRoutes,
    peopleRoutes,
  ].flatMap((routes) => routes(parts))
