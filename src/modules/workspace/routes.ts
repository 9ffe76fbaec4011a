import type { Route } from '../../kernel/route.ts'
import type { Parts } from './actions/parts.ts'
import { attachmentRoutes } from './routes/attachments.ts'
import { channelRoutes } from './routes/channels.ts'
import { inviteRoutes } from './routes/invites.ts'
import { memberRoutes } from './routes/members.ts'
import { messageRoutes } from './routes/messages.ts'
import { pinRoutes } from './routes/pins.ts'
import { presenceRoutes } from './routes/presence.ts'
import { readingRoutes } from './routes/reading.ts'
import { searchRoutes } from './routes/search.ts'
import { threadRoutes } from './routes/threads.ts'
import { workspaceRoutes } from './routes/workspaces.ts'

/** REST doors of the workspace chat, under /api. */
export const workspaceApiRoutes = (parts: Parts): readonly Route[] =>
  [
    workspaceRoutes,
    memberRoutes,
    inviteRoutes,
    presenceRoutes,
    channelRoutes,
    messageRoutes,
    attachmentRoutes,
    pinRoutes,
    readingRoutes,
    threadRoutes,
    searchRoutes,
  ].flatMap((routes) => routes(parts))
