/** What every organisation has: Markdown with `{{title}}`, `{{author}}` and `{{date}}` to be filled in. */
export interface BuiltIn {
  /** Never changes: clients keep it. */
  readonly id: string
  readonly name: string
  readonly content: string
}

const standard = `# {{title}}

| | |
|---|---|
| Author | {{author}} |
| Date | {{date}} |
| Status | Draft |

## Summary

What we build, for whom, and why now, in three sentences.

## Problem

Who has which problem, how often, and how we know.

## Goals

1.

## Non-goals

What somebody could expect here and will not get.

## Users and use cases

| User | Wants to | So that |
|---|---|---|
| | | |

## Requirements

| # | Requirement | Priority | How we test it |
|---|---|---|---|
| 1 | | Must | |

## User experience

The main path step by step; then what happens when it goes wrong.

## Success metrics

| Metric | Today | Goal | By when |
|---|---|---|---|
| | | | |

## Dependencies and risks

| Risk | How likely | What we do about it |
|---|---|---|
| | | |

## Release plan

Who gets it first, what we watch, and how we turn it off.

## Open questions

- [ ]
`

const onePager = `# {{title}}

*{{author}}, {{date}}*

**Problem.** Who has it, and what it costs them.

**Proposal.** What we do, in a paragraph that somebody new understands.

**Why now.** What happens when we wait.

**Success.** One number, where it stands today, and where it shall be.

**Not included.**

-

**Cost.** People and weeks, roughly.

**Risks.**

-

**Decision needed.** From whom, by when.
`

const featureBrief = `# {{title}}

*{{author}}, {{date}}*

## The user story

As a … I want to … so that …

## Why it matters

What users do today instead, and what they told us.

## How it works

1.

## Acceptance criteria

- [ ] Given … when … then …

## Edge cases

- Empty, very many, very long
- No connection, no right, twice at once

## Measuring

Which event tells that it is used, and which that it works.

## Design and links

-
`

const technicalSpec = `# {{title}}

*{{author}}, {{date}}*

## Context

What there is today, and the requirements that this serves.

## Goals and non-goals

-

## Design

### Overview

### Data model

### Interfaces

\`\`\`
POST /…
\`\`\`

### Failures

What can fail, what the user sees then, and how it recovers.

## Security and privacy

Who may do what, which data is kept, for how long.

## Performance

Load that is expected, limits, and how they are measured.

## Alternatives

| Alternative | Why not |
|---|---|
| | |

## Migration and rollout

Order of the steps, and the way back from each.

## Testing

## Open questions

- [ ]
`

export const builtIn: readonly BuiltIn[] = [
  { id: 'standard', name: 'Standard PRD', content: standard },
  { id: 'one-pager', name: 'One-pager', content: onePager },
  { id: 'feature-brief', name: 'Feature brief', content: featureBrief },
  { id: 'technical-spec', name: 'Technical specification', content: technicalSpec },
]

export const isBuiltIn = (id: string): boolean => builtIn.some((template) => template.id === id)
