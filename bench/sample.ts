/**
 * The message of the peers: a frame shaped like the tracker's own event, so that every candidate carries the same
 * kind of bytes. The load generator puts the content between the two halves.
 */
export const payload = {
  before:
    '{"id":"c0ffee00-0000-4000-8000-000000000001","user_id":"7","content":"',
  after: '","created_at":"2026-11-21T04:00:00.000Z"}',
}

export const event = {
  before: `{"type":"comment","action":"created","payload":${payload.before}`,
  after: `${payload.after}}`,
}
