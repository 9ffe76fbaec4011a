import Type, { type Static, type TSchema } from 'typebox'

/** Every frame of specs/tracker.md, as schemas: the types, the REST answers and the checks of our own frames. */

export const bugStatuses = ['pending', 'in_progress', 'resolved', 'closed'] as const
export const bugPriorities = ['low', 'medium', 'high', 'critical'] as const
export const userStatuses = ['active', 'inactive'] as const

export const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
export const BugStatus = Type.Enum([...bugStatuses])
export const BugPriority = Type.Enum([...bugPriorities])
export const UserStatus = Type.Enum([...userStatuses])

/** ISO-8601 UTC with whole seconds, as every example of the document shows it. */
export const Timestamp = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' })
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

const exact = { additionalProperties: false }
const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const BugReport = Type.Object(
  {
    id: Id,
    title: Type.String(),
    description: Type.String(),
    status: BugStatus,
    priority: BugPriority,
    creator_id: Id,
    assignee_id: Nullable(Id),
    project_id: Id,
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  exact,
)
export type BugReport = Static<typeof BugReport>

export const Comment = Type.Object(
  {
    id: Id,
    bug_report_id: Id,
    user_id: Id,
    content: Type.String(),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  exact,
)
export type Comment = Static<typeof Comment>

export const Project = Type.Object(
  {
    id: Id,
    name: Type.String(),
    description: Type.String(),
    created_by: Id,
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  exact,
)
export type Project = Static<typeof Project>

const deleted = { id: Id, deleted_by: Id, deleted_at: Timestamp }
const notification = {
  id: Id,
  user_id: Id,
  bug_report_id: Id,
  title: Type.String(),
  message: Type.String(),
  created_at: Timestamp,
}
const user = { id: Id, username: Type.String(), email: Type.String(), role: Type.String(), status: UserStatus }

/** `type/action` → schema of its payload. Events of the log and signals; errors and system frames are below. */
export const payloads = {
  'bug_report/created': BugReport,
  'bug_report/updated': BugReport,
  'bug_report/status_changed': Type.Object(
    {
      id: Id,
      title: Type.String(),
      old_status: BugStatus,
      new_status: BugStatus,
      changed_by: Id,
      updated_at: Timestamp,
    },
    exact,
  ),
  'bug_report/assigned': Type.Object(
    { id: Id, title: Type.String(), assignee_id: Nullable(Id), assigned_by: Id, updated_at: Timestamp },
    exact,
  ),
  'bug_report/deleted': Type.Object(deleted, exact),
  'comment/created': Comment,
  'comment/updated': Comment,
  'comment/deleted': Type.Object({ ...deleted, bug_report_id: Id }, exact),
  'project/created': Project,
  'project/updated': Type.Object(
    {
      id: Id,
      name: Type.String(),
      description: Type.String(),
      updated_by: Id,
      created_at: Timestamp,
      updated_at: Timestamp,
    },
    exact,
  ),
  'project/deleted': Type.Object(deleted, exact),
  'user/created': Type.Object({ ...user, created_at: Timestamp }, exact),
  'user/updated': Type.Object({ ...user, updated_at: Timestamp }, exact),
  'user/status_changed': Type.Object(
    {
      id: Id,
      username: Type.String(),
      old_status: UserStatus,
      new_status: UserStatus,
      changed_by: Id,
      updated_at: Timestamp,
    },
    exact,
  ),
  'notification/bug_assigned': Type.Object(notification, exact),
  'notification/comment_added': Type.Object({ ...notification, comment_id: Id }, exact),
  'notification/status_changed': Type.Object({ ...notification, old_status: BugStatus, new_status: BugStatus }, exact),
  'notification/reminder_sent': Type.Object({ ...notification, next_reminder: Nullable(Timestamp) }, exact),
  'error/auth_error': Type.Object({ code: Type.Literal('invalid_token'), message: Type.String() }, exact),
  'error/rate_limit': Type.Object(
    { code: Type.Literal('rate_limit_exceeded'), message: Type.String(), retry_after: Type.Integer({ minimum: 1 }) },
    exact,
  ),
  'error/validation_error': Type.Object(
    {
      code: Type.Literal('invalid_data'),
      message: Type.String(),
      details: Type.Record(Type.String(), Type.String()),
    },
    exact,
  ),
  'system/connected': Type.Object({ user_id: Id, timestamp: Timestamp }, exact),
  'system/disconnected': Type.Object({ user_id: Id, reason: Type.String(), timestamp: Timestamp }, exact),
  'system/ping': Type.Object({ timestamp: Timestamp }, exact),
  'system/pong': Type.Object({ timestamp: Timestamp }, exact),
} as const

export type FrameName = keyof typeof payloads
export type Payload<N extends FrameName> = Static<(typeof payloads)[N]>

/** Additions of ours, outside the document: an unforeseen failure, and "reload" for a client that resumes. */
export type AddedName = 'error/internal_error' | 'system/resync'

/** The document's envelope around a payload that is JSON text already. */
export function frame(name: string, payload: string, position?: string): string {
  const slash = name.indexOf('/')
  const head = `{"type":"${name.slice(0, slash)}","action":"${name.slice(slash + 1)}","payload":${payload}`
  return position === undefined ? `${head}}` : `${head},"position":"${position}"}`
}
