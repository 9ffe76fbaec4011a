/**
 * Registry of closes: what ends a connection. The range is the retry policy:
 * 1000–1013 as RFC 6455 says, 4400–4409 do not come back with the same credentials unchanged,
 * 4408 and 4429 come back after a pause (4408 may resume from its last position).
 */
export const closes = {
  normal: { code: 1000, retry: false, meaning: 'the client asked for it' },
  drain: { code: 1001, retry: true, meaning: 'the server is going away: come back, to this or another node' },
  policy: { code: 1008, retry: false, meaning: 'the connection broke a rule that has no code of its own' },
  too_large: { code: 1009, retry: false, meaning: 'a frame was over the transport limit' },
  internal: { code: 1011, retry: true, meaning: 'the server failed' },
  token: { code: 4401, retry: false, meaning: 'token absent, invalid, expired or revoked: get a new one first' },
  right: { code: 4403, retry: false, meaning: 'the account may not (or no longer) use this endpoint' },
  slow: { code: 4408, retry: true, meaning: 'the client read too slowly; come back and resume from its last position' },
  too_many: { code: 4429, retry: true, meaning: 'too many connections or frames: wait before coming back' },
} as const

export type CloseKind = keyof typeof closes
