/**
 * Registry of errors: what ends a command. What ends a connection is in closes.ts.
 * Codes are never reused for another meaning. `http` is the REST status; `retry` says whether the same command
 * may succeed later without being changed.
 */
export const errors = {
  unauthenticated: { http: 401, retry: false, meaning: 'no valid token came with the request' },
  forbidden: { http: 403, retry: false, meaning: 'the account may see the thing but not do this to it' },
  not_found: { http: 404, retry: false, meaning: 'absent, or hidden from this account: the two answer alike' },
  invalid: { http: 400, retry: false, meaning: 'a field is missing, of the wrong type or out of range' },
  conflict: { http: 409, retry: false, meaning: 'the state of the thing does not allow it' },
  too_large: { http: 413, retry: false, meaning: 'the frame or body is over its size limit' },
  unsupported: { http: 415, retry: false, meaning: 'the media type or frame kind is not accepted here' },
  rate_limited: { http: 429, retry: true, meaning: 'too many requests; retry_after says how many seconds to wait' },
  internal: { http: 500, retry: true, meaning: 'the server failed; nothing was changed' },
  unavailable: { http: 503, retry: true, meaning: 'the server is draining, or its storage cannot be written' },
} as const

export type ErrorKind = keyof typeof errors
