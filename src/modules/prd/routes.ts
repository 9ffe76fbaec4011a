import type { Route } from '../../kernel/route.ts'
import type { Parts } from './actions/parts.ts'
import { aiRoutes } from './routes/ai.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { collaboratorRoutes } from './routes/collaborators.ts'
import { commentRoutes } from './routes/comments.ts'
import { conflictRoutes } from './routes/conflicts.ts'
import { craftRoutes } from './routes/craft.ts'
import { feedRoutes } from './routes/feeds.ts'
import { integrationRoutes } from './routes/integrations.ts'
import { gitRoutes } from './routes/git.ts'
import { jiraRoutes } from './routes/jira.ts'
import { mattermostRoutes } from './routes/mattermost.ts'
import { organizationRoutes } from './routes/organizations.ts'
import { prdRoutes } from './routes/prds.ts'
import { presenceRoutes } from './routes/presence.ts'
import { suggestionRoutes } from './routes/suggestions.ts'
import { templateRoutes } from './routes/templates.ts'
import { versionRoutes } from './routes/versions.ts'

/** REST doors of the PRD tool, under /api. */
export const prdApiRoutes = (parts: Parts): readonly Route[] =>
  [
    organizationRoutes,
    prdRoutes,
    collaboratorRoutes,
    suggestionRoutes,
    templateRoutes,
    approvalRoutes,
    aiRoutes,
    commentRoutes,
    conflictRoutes,
    craftRoutes,
    feedRoutes,
    integrationRoutes,
    gitRoutes,
    jiraRoutes,
    mattermostRoutes,
    presenceRoutes,
    versionRoutes,
  ].flatMap((routes) => routes(parts))
