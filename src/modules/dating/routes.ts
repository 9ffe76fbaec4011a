import type { Route } from '../../kernel/route.ts'
import type { Parts } from './actions/parts.ts'
import { accountRoutes } from './routes/account.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { giftRoutes } from './routes/gifts.ts'
import { matchingRoutes } from './routes/matching.ts'
import { photoRoutes } from './routes/photos.ts'
import { profileRoutes } from './routes/profiles.ts'
import { reportRoutes } from './routes/reports.ts'

/** REST doors of the dating messages, under /api/dating. */
export const datingApiRoutes = (parts: Parts): readonly Route[] =>
  [profileRoutes, matchingRoutes, conversationRoutes, photoRoutes, giftRoutes, reportRoutes, accountRoutes].flatMap(
    (routes) => routes(parts),
  )
