import { join as pathOf } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ok, type Scene } from '../testing.ts'

export const REPORTS = '/api/dating/reports'
export const QUEUE = '/api/dating/moderation/reports'
export const SUSPENSIONS = '/api/dating/moderation/suspensions'
export const CONVERSATIONS = '/api/dating/conversations'
export const DAY = 24 * 60 * 60 * 1000

export interface Filed {
  readonly id: string
  readonly status: string
}

/** By Ana, of Ben. */
export const file = (a: Scene, more: object = {}): Promise<Filed> =>
  ok(a.ana.post(REPORTS, { user_id: a.ben.uuid, reason: 'harassment', ...more }))

export const about = (a: Scene, messages: readonly string[], more: object = {}): Promise<Filed> =>
  file(a, { conversation_id: a.conversationId, message_ids: messages, ...more })

export const resolve = (a: Scene, id: string, action: string) => a.admin.post(`${QUEUE}/${id}/resolve`, { action })

export const kept = (a: Scene, table: string): Record<string, unknown>[] => {
  const db = new DatabaseSync(pathOf(a.world.folder, 'switchboard.db'), { readOnly: true })
  try {
    return db.prepare(`select * from ${table}`).all()
  } finally {
    db.close()
  }
}
