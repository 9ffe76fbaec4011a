import type { Effect } from '../../kernel/event.ts'
import type { Audience, Room } from '../../kernel/rooms.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import { MODULE } from './rooms.ts'
import type { CommentRow, ProjectRow, ReportRow } from './store.ts'
import { timestamp, type BugReport, type Comment, type FrameName, type Payload, type Project } from './wire.ts'

/** What is forgotten with a report: its events, its comments' and the notifications that quote its title. */
export const reportSubject = (reportId: number): string => `report:${reportId}`
export const commentSubject = (reportId: number, commentId: number): string =>
  `${reportSubject(reportId)}/comment:${commentId}`
export const noticeSubject = (reportId: number, id: number): string => `${reportSubject(reportId)}/notification:${id}`
export const projectSubject = (projectId: number): string => `project:${projectId}`
export const accountSubject = (userId: number): string => `account:${userId}`

export interface Extra {
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** The one place where a tracker event enters the log. */
export function emit<N extends FrameName>(
  unit: Unit,
  type: N,
  payload: Payload<N>,
  audience: Audience,
  extra: Extra = {},
): void {
  unit.emit({ module: MODULE, type, payload, audience, ...extra })
}

/** The connections in a room enter or leave another one, between the events before and after; nobody is told. */
export function changeRooms(unit: Unit, kind: 'join' | 'leave', of: Room, room: Room): void {
  unit.emit({ module: MODULE, type: `rooms/${kind}`, audience: { to: [] }, effects: [{ kind, of, rooms: [room] }] })
}

export function showReport(row: ReportRow): BugReport {
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    status: row.status,
    priority: row.priority,
    creator_id: row.creator_id,
    assignee_id: row.assignee_id,
    project_id: row.project_id,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
  }
}

export function showComment(row: CommentRow): Comment {
  return {
    id: row.id,
    bug_report_id: row.bug_report_id,
    user_id: row.user_id,
    content: row.content,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
  }
}

export function showProject(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
  }
}
