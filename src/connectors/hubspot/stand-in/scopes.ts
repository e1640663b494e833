import type { FastifyInstance } from 'fastify';
import { randomUUID } from 'node:crypto';

/** The scopes that the stand-in's routes need. */
export type Scope =
  | 'crm.objects.contacts.read'
  | 'crm.objects.contacts.write'
  | 'crm.objects.owners.read'
  | 'crm.schemas.contacts.read'
  | 'crm.schemas.contacts.write';

/** Answers requests that need one of these scopes with HubSpot's 403, before they have any effect. */
export function refuseMissingScopes(app: FastifyInstance, missing: readonly Scope[]): void {
  app.addHook('preHandler', async (request, reply) => {
    const needed = scopeOf(request.method, request.url.split('?')[0] ?? '');
    if (needed !== null && missing.includes(needed)) {
      return reply.code(403).send({
        status: 'error',
        message:
          'This app hasn’t been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.',
        correlationId: randomUUID(),
        category: 'MISSING_SCOPES',
        errors: [
          {
            message: 'One or more of the following scopes are required.',
            context: { requiredGranularScopes: [needed] },
          },
        ],
      });
    }
  });
}

/**
 * The scope that HubSpot's API description names for a request: calls and tasks have those of contacts. It takes several
 * scopes for reading properties, of which the stand-in asks for the strictest; and it names none for creating properties
 * of calls and tasks, for which the stand-in asks for the contacts' one.
 */
function scopeOf(method: string, path: string): Scope | null {
  if (/^\/crm\/(?:v3\/owners|owners\/)/.test(path)) {
    return 'crm.objects.owners.read';
  }
  if (/^\/crm\/(?:v3\/properties|properties\/[^/]+)\//.test(path)) {
    return method === 'GET' ? 'crm.schemas.contacts.read' : 'crm.schemas.contacts.write';
  }
  if (/^\/crm\/(?:v[34]\/(?:objects|associations)|objects\/[^/]+|associations\/[^/]+)\//.test(path)) {
    return method === 'GET' || /\/(?:search|batch\/read)$/.test(path)
      ? 'crm.objects.contacts.read'
      : 'crm.objects.contacts.write';
  }
  return null;
}
