import type { Selectable } from 'kysely'
import { statements } from '../../kernel/statement.ts'
import type { TrackerTables } from './tables.ts'

const sql = statements<TrackerTables>()

export type ProjectRow = Selectable<TrackerTables['tracker_projects']>
export type ReportRow = Selectable<TrackerTables['tracker_reports']>
export type CommentRow = Selectable<TrackerTables['tracker_comments']>
export type NotificationRow = Selectable<TrackerTables['tracker_notifications']>

/** Who acts, as the database says now: never as the token or the session says. */
export interface Standing {
  actor_role: string
  /** The actor's id when a member of the project, else null. */
  member: number | null
}

interface ByActor {
  id: number
  actor: number
}

export const actorRole = sql<{ actor: number }>()((db, p) =>
  db.selectFrom('accounts').select('role').where('id', '=', p.actor).where('status', '=', 'active'),
)

export const accessProject = sql<ByActor>()((db, p) =>
  db
    .selectFrom('tracker_projects as t')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor).on('a.status', '=', 'active'))
    .leftJoin('tracker_members as m', (j) => j.onRef('m.project_id', '=', 't.id').onRef('m.user_id', '=', 'a.id'))
    .selectAll('t')
    .select(['a.role as actor_role', 'm.user_id as member'])
    .where('t.id', '=', p.id),
)

export const accessReport = sql<ByActor>()((db, p) =>
  db
    .selectFrom('tracker_reports as t')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor).on('a.status', '=', 'active'))
    .leftJoin('tracker_members as m', (j) =>
      j.onRef('m.project_id', '=', 't.project_id').onRef('m.user_id', '=', 'a.id'),
    )
    .selectAll('t')
    .select(['a.role as actor_role', 'm.user_id as member'])
    .where('t.id', '=', p.id),
)

export const findComment = sql<{ id: number }>()((db, p) =>
  db.selectFrom('tracker_comments').selectAll().where('id', '=', p.id),
)

/** Whether an account can see a project: a member, or an admin; and active. */
export const canSee = sql<{ user: number; project: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('tracker_members as m', (j) => j.onRef('m.user_id', '=', 'a.id').on('m.project_id', '=', p.project))
    .select('a.id')
    .where('a.id', '=', p.user)
    .where('a.status', '=', 'active')
    .where((e) => e.or([e('a.role', '=', 'admin'), e('m.user_id', 'is not', null)])),
)

export const insertProject = sql<Omit<ProjectRow, 'id'>>()((db, p) =>
  db
    .insertInto('tracker_projects')
    .values({
      name: p.name,
      description: p.description,
      created_by: p.created_by,
      created_at: p.created_at,
      updated_at: p.updated_at,
    })
    .returningAll(),
)
export const updateProject = sql<{ id: number; name: string; description: string; at: number }>()((db, p) =>
  db
    .updateTable('tracker_projects')
    .set({ name: p.name, description: p.description, updated_at: p.at })
    .where('id', '=', p.id)
    .returningAll(),
)
export const deleteProject = sql<{ id: number }>()((db, p) => db.deleteFrom('tracker_projects').where('id', '=', p.id))
export const deleteMembers = sql<{ id: number }>()((db, p) =>
  db.deleteFrom('tracker_members').where('project_id', '=', p.id),
)
export const reportsOfProject = sql<{ project: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tracker_reports')
    .selectAll()
    .where('project_id', '=', p.project)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
export const reportIdsOfProject = sql<{ project: number }>()((db, p) =>
  db.selectFrom('tracker_reports').select(['id', 'moved_at']).where('project_id', '=', p.project).orderBy('id'),
)
export const otherProjects = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('tracker_projects')
    .selectAll()
    .where('id', 'not in', (q) => q.selectFrom('tracker_members').select('project_id').where('user_id', '=', p.user))
    .orderBy('id'),
)

export const insertMember = sql<{ project_id: number; user_id: number; added_at: number }>()((db, p) =>
  db
    .insertInto('tracker_members')
    .values({ project_id: p.project_id, user_id: p.user_id, added_at: p.added_at })
    .onConflict((c) => c.columns(['project_id', 'user_id']).doNothing()),
)
export const deleteMember = sql<{ project_id: number; user_id: number }>()((db, p) =>
  db.deleteFrom('tracker_members').where('project_id', '=', p.project_id).where('user_id', '=', p.user_id),
)
export const projectIdsOf = sql<{ user: number }>()((db, p) =>
  db.selectFrom('tracker_members').select('project_id').where('user_id', '=', p.user).orderBy('project_id'),
)
export const members = sql<{ project: number; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tracker_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .select(['m.user_id', 'a.username', 'a.display_name', 'a.role', 'a.status', 'm.added_at'])
    .where('m.project_id', '=', p.project)
    .where('m.user_id', '>', p.after)
    .orderBy('m.user_id')
    .limit(p.limit),
)
/** Everybody who sees a project at this moment. */
export const seers = sql<{ project: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('tracker_members as m', (j) => j.onRef('m.user_id', '=', 'a.id').on('m.project_id', '=', p.project))
    .select('a.id')
    .where((e) => e.or([e('a.role', '=', 'admin'), e('m.user_id', 'is not', null)]))
    .orderBy('a.id'),
)
export const findByName = sql<{ key: string }>()((db, p) =>
  db.selectFrom('accounts').select('id').where('username_key', '=', p.key),
)
export const findActive = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('accounts')
    .select(['id', 'username', 'display_name', 'role', 'status'])
    .where('id', '=', p.user)
    .where('status', '=', 'active'),
)

export const insertReport = sql<Omit<ReportRow, 'id'>>()((db, p) =>
  db
    .insertInto('tracker_reports')
    .values({
      project_id: p.project_id,
      title: p.title,
      description: p.description,
      status: p.status,
      priority: p.priority,
      creator_id: p.creator_id,
      assignee_id: p.assignee_id,
      pending_since: p.pending_since,
      moved_at: p.moved_at,
      created_at: p.created_at,
      updated_at: p.updated_at,
    })
    .returningAll(),
)
export const updateReport = sql<ReportRow>()((db, p) =>
  db
    .updateTable('tracker_reports')
    .set({
      project_id: p.project_id,
      title: p.title,
      description: p.description,
      status: p.status,
      priority: p.priority,
      assignee_id: p.assignee_id,
      pending_since: p.pending_since,
      moved_at: p.moved_at,
      updated_at: p.updated_at,
    })
    .where('id', '=', p.id),
)
export const deleteReport = sql<{ id: number }>()((db, p) => db.deleteFrom('tracker_reports').where('id', '=', p.id))
export const assignedTo = sql<{ project: number; user: number }>()((db, p) =>
  db
    .selectFrom('tracker_reports')
    .selectAll()
    .where('project_id', '=', p.project)
    .where('assignee_id', '=', p.user)
    .orderBy('id'),
)
export const findReport = sql<{ id: number }>()((db, p) =>
  db.selectFrom('tracker_reports').selectAll().where('id', '=', p.id),
)

export const insertComment = sql<Omit<CommentRow, 'id'>>()((db, p) =>
  db
    .insertInto('tracker_comments')
    .values({
      bug_report_id: p.bug_report_id,
      user_id: p.user_id,
      content: p.content,
      created_at: p.created_at,
      updated_at: p.updated_at,
    })
    .returningAll(),
)
export const updateComment = sql<{ id: number; content: string; at: number }>()((db, p) =>
  db
    .updateTable('tracker_comments')
    .set({ content: p.content, updated_at: p.at })
    .where('id', '=', p.id)
    .returningAll(),
)
export const deleteComment = sql<{ id: number }>()((db, p) => db.deleteFrom('tracker_comments').where('id', '=', p.id))
export const deleteCommentsOf = sql<{ report: number }>()((db, p) =>
  db.deleteFrom('tracker_comments').where('bug_report_id', '=', p.report),
)
export const commentsOf = sql<{ report: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tracker_comments')
    .selectAll()
    .where('bug_report_id', '=', p.report)
    .where('id', '<', p.before)
    .orderBy('id', 'desc')
    .limit(p.limit),
)

export const insertNotification = sql<Omit<NotificationRow, 'id' | 'delivered_at' | 'read_at'>>()((db, p) =>
  db
    .insertInto('tracker_notifications')
    .values({
      user_id: p.user_id,
      bug_report_id: p.bug_report_id,
      kind: p.kind,
      payload: p.payload,
      created_at: p.created_at,
      delivered_at: null,
      read_at: null,
    })
    .returning('id'),
)
export const missedBy = sql<{ user: number; limit: number }>()((db, p) =>
  db
    .selectFrom('tracker_notifications as n')
    .innerJoin('tracker_reports as r', 'r.id', 'n.bug_report_id')
    .innerJoin('accounts as a', 'a.id', 'n.user_id')
    .leftJoin('tracker_members as m', (j) =>
      j.onRef('m.project_id', '=', 'r.project_id').onRef('m.user_id', '=', 'n.user_id'),
    )
    .selectAll('n')
    .where('n.user_id', '=', p.user)
    .where('n.delivered_at', 'is', null)
    .where('n.read_at', 'is', null)
    .where((e) => e.or([e('a.role', '=', 'admin'), e('m.user_id', 'is not', null)]))
    .orderBy('n.id')
    .limit(p.limit),
)
export const markDelivered = sql<{ user: number; until: number; at: number }>()((db, p) =>
  db
    .updateTable('tracker_notifications')
    .set({ delivered_at: p.at })
    .where('user_id', '=', p.user)
    .where('id', '<=', p.until)
    .where('delivered_at', 'is', null),
)
export const markRead = sql<{ user: number; id: number; at: number }>()((db, p) =>
  db
    .updateTable('tracker_notifications')
    .set((e) => ({ read_at: e.fn.coalesce('read_at', e.val(p.at)) }))
    .where('id', '=', p.id)
    .where('user_id', '=', p.user)
    .returningAll(),
)
export const markAllRead = sql<{ user: number; at: number }>()((db, p) =>
  db
    .updateTable('tracker_notifications')
    .set({ read_at: p.at })
    .where('user_id', '=', p.user)
    .where('read_at', 'is', null),
)
export const deleteNotificationsOf = sql<{ report: number }>()((db, p) =>
  db.deleteFrom('tracker_notifications').where('bug_report_id', '=', p.report),
)
