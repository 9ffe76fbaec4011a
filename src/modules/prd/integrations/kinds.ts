import Type, { type Static, type TObject } from 'typebox'
import { announcedTypes } from '../wire.ts'

/** What an organisation may be connected with, and what there is to set for each. */

export const integrationKinds = ['ai', 'jira', 'git', 'mattermost', 'craft'] as const
export type IntegrationKind = (typeof integrationKinds)[number]

/** As people know them. */
export const labels: Readonly<Record<IntegrationKind, string>> = {
  ai: 'The AI',
  jira: 'Jira',
  git: 'Git',
  mattermost: 'Mattermost',
  craft: 'Craft.io',
}

const Line = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\x00-\\x1f\\x7f]+$', description })
const Address = Line(2_000, 'an http or https address')
const Secret = Line(4_000, 'one line; it is kept sealed and never returned')
/** Signatures are made with it: one that is short can be found by trying. */
const SigningSecret = Type.String({
  minLength: 16,
  maxLength: 4_000,
  pattern: '^[^\\x00-\\x1f\\x7f]+$',
  description: 'one line of 16 characters or more, as random as can be; it is kept sealed and never returned',
})

const Channel = Type.Object({
  name: Line(64, "the channel's name as in its address, like product-team"),
  events: Type.Array(Type.Enum([...announcedTypes]), { minItems: 1, uniqueItems: true }),
})

/** `secrets` are given as fields beside the settings, and kept apart from them. */
export const kinds = {
  ai: {
    settings: Type.Object({
      enabled: Type.Boolean({ description: 'false: nothing of this organization goes to any model' }),
      baseUrl: Type.Optional(Line(2_000, "an OpenAI-compatible address; without it, the server's")),
      model: Type.Optional(Line(200, "its name there; without it, the server's")),
    }),
    secrets: Type.Object({ apiKey: Type.Optional(Secret) }),
  },
  jira: {
    settings: Type.Object({
      url: Address,
      email: Line(320, 'the address of whose API token it is'),
      projectKey: Type.String({ pattern: '^[A-Z][A-Z0-9_]{1,19}$', description: 'like PROJ' }),
      storyType: Type.Optional(Line(100, 'issue type of user stories; Story without it')),
      requirementType: Type.Optional(Line(100, 'issue type of requirements; Task without it')),
    }),
    secrets: Type.Object({ apiToken: Secret }),
  },
  git: {
    settings: Type.Object({
      url: Address,
      branch: Type.Optional(Line(200, 'the name of a branch; main without it')),
      username: Type.Optional(Line(200, 'a user name; git without it')),
      pushOnVersion: Type.Optional(Type.Boolean({ description: 'true without it' })),
    }),
    secrets: Type.Object({ token: Secret }),
  },
  mattermost: {
    settings: Type.Object({
      url: Address,
      team: Line(64, "the team's name as in its address"),
      channels: Type.Array(Channel, { maxItems: 50 }),
    }),
    secrets: Type.Object({ token: Secret }),
  },
  craft: {
    settings: Type.Object({
      url: Address,
      autoLink: Type.Optional(Type.Boolean({ description: 'link what fits well without asking; false without it' })),
    }),
    secrets: Type.Object({ apiToken: Secret, webhookSecret: SigningSecret }),
  },
} as const satisfies Readonly<Record<IntegrationKind, { readonly settings: TObject; readonly secrets: TObject }>>

export type SettingsOf<K extends IntegrationKind> = Static<(typeof kinds)[K]['settings']>
export type SecretsOf<K extends IntegrationKind> = Static<(typeof kinds)[K]['secrets']>
