/** What a version raises (prd.md §5.1): of 1.2.3 major gives 2.0.0, minor 1.3.0, patch 1.2.4. */
export type VersionType = 'major' | 'minor' | 'patch'

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/

/**
 * The next version; the parts below the raised one become 0.
 *
 * @throws Error when `version` is not major.minor.patch: it comes from the database, never from a client
 */
export function raised(version: string, type: VersionType): string {
  const parts = VERSION.exec(version)
  if (!parts) throw new Error('A version is written major.minor.patch')
  const [major, minor, patch] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  switch (type) {
    case 'major':
      return `${major + 1}.0.0`
    case 'minor':
      return `${major}.${minor + 1}.0`
    case 'patch':
      return `${major}.${minor}.${patch + 1}`
  }
}
