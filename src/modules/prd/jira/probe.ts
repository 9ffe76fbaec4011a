import type { Opened } from '../integrations/access.ts'
import { openJira } from './api.ts'
import { JiraFault } from './faults.ts'

export const storyType = ({ storyType: type }: { readonly storyType?: string }): string => type ?? 'Story'
export const requirementType = ({ requirementType: type }: { readonly requirementType?: string }): string =>
  type ?? 'Task'

/**
 * The connection test: whose API token it is, and whether the project has the types of issue that are to be created.
 * @throws JiraFault
 */
export async function probeJira({ settings, secrets, fetch }: Opened<'jira'>): Promise<string> {
  const jira = await openJira({ ...settings, ...secrets, fetch })
  const { user, project, types } = await jira.check(settings.projectKey)
  const lacking = [storyType(settings), requirementType(settings)].find((type) => !types.includes(type))
  if (lacking !== undefined && types.length > 0) {
    const there = types.join(', ').slice(0, 200)
    throw new JiraFault(
      'refused',
      `The project ${settings.projectKey} has no issue type ${lacking}; it has ${there}`,
    )
  }
  return `Signed in as ${user}; found the project ${project}`
}
