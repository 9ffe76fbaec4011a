import type { Route } from '../../kernel/route.ts'
import type { Parts } from './actions/parts.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { collaboratorRoutes } from './routes/collaborators.ts'
import { commentRoutes } from './routes/comments.ts'
import { conflictRoutes } from './routes/conflicts.ts'
import { feedRoutes } from './routes/feeds.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { prdRoutes } from './routes/prds.ts'
import { presenceRoutes } from './routes/presence.ts'
import { templateRoutes } from './routes/templates.ts'
import { versionRoutes } from './routes/versions.ts'

/** REST doors of the PRD tool, under /api. */
export const prdApiRoutes = (parts: Parts): readonly Route[] =>
  [
    organizationRoutes,
    prdRoutes,
    collaboratorRoutes,
    templateRoutes,
    approvalRoutes,
    commentRoutes,
    conflictRoutes,
    feedRoutes,
    presenceRoutes,
    versionRoutes,
  ].flatMap((routes) => routes(parts))
