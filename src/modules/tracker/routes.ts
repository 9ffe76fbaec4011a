import type { Identity } from '../../identity/index.ts'
import type { Route } from '../../kernel/route.ts'
import type { Tracker } from './actions/tracker.ts'
import { commentRoutes } from './routes/comments.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { projectRoutes } from './routes/projects.ts'
import { reportRoutes } from './routes/reports.ts'
import { userRoutes } from './routes/users.ts'

/** The REST doors of the tracker, under /api/tracker: thin, and equal to any other door, since only actions act. */
export function trackerRoutes(tracker: Tracker, identity: Identity): readonly Route[] {
  return [
    ...projectRoutes(tracker),
    ...reportRoutes(tracker),
    ...commentRoutes(tracker),
    ...notificationRoutes(tracker),
    ...userRoutes(tracker, identity),
  ]
}

