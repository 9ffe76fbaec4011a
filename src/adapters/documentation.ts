import fastifyHelmet from '@fastify/helmet'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** `/api/openapi.json` and a browsable `/docs`, made from the routes' own schemas. */
export const documentation = fastifyPlugin(async (app: FastifyInstance) => {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Switchboard',
        version: '1',
        description: 'REST doors of all protocols. Errors are `{error:{code,message,details?,retry_after?}}`.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
  })
  // The one page of ours that is HTML needs headers that let its own scripts run.
  await app.register(async (pages) => {
    await pages.register(fastifyHelmet, { referrerPolicy: { policy: 'no-referrer' } })
    await pages.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: true })
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger())
})
