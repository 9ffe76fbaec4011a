import { CraftClient, type CraftAccess } from './client.ts'

/** The connection test: whether the key is known and may read portfolios. @throws CraftFault, OutgoingError */
export async function probeCraft(opened: CraftAccess): Promise<string> {
  const { length } = await new CraftClient(opened).portfolios()
  return `Signed in to Craft.io; the API key may read ${length} ${length === 1 ? 'portfolio' : 'portfolios'}`
}
