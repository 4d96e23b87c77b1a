import { json } from 'node:stream/consumers';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { parseRepository } from '../../oci/reference.ts';
import { authorise } from '../access.ts';
import { askCore } from '../core.ts';
import { coreRequest } from '../core-request.ts';
import type { Call, Operation } from './operation.ts';
import { listOf, objectOf, type Schema, text } from './schema.ts';

const count: Schema = { type: 'string', pattern: '^[0-9]{1,4}$', description: 'At most so many.' };
const last: Schema = { ...text, description: 'The last entry of the page before.' };

/** What there is, as far as the caller may pull it. The core answers, under the same checks as on its own paths. */
export const repositoryOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/repositories',
    summary: 'Repositories that the caller may pull, by name; with `q` those with the text in their name',
    access: 'anybody',
    query: { q: text, n: count, last },
    status: 200,
    answer: objectOf({ repositories: listOf({ type: 'string' }) }),
    async run(call) {
      const q = call.parameter('q');
      const method = 'GET' as const;
      if (q === undefined) return ask(call, { kind: 'catalog', method, ...page(call) });
      const found = await ask(call, { kind: 'search', method, text: q.toLowerCase(), ...page(call) });
      return { repositories: (found as { results: { name: string }[] }).results.map(({ name }) => name) };
    },
  },
  {
    method: 'GET',
    path: '/api/v1/tags',
    summary: 'Tags of a repository',
    access: 'anybody',
    query: { repository: text, n: count, last },
    needs: ['repository'],
    status: 200,
    answer: objectOf({ name: text, tags: listOf({ type: 'string' }) }),
    run: (call) =>
      ask(call, {
        kind: 'tags',
        method: 'GET',
        repository: parseRepository(call.parameter('repository')!),
        ...page(call),
      }),
  },
];

function page({ parameter }: Call): { n?: number; last?: string } {
  const [n, after] = [parameter('n'), parameter('last')];
  return { ...(n !== undefined && { n: Number(n) }), ...(after !== undefined && { last: after }) };
}

async function ask({ actor, exchange, parts }: Call, endpoint: Endpoint): Promise<unknown> {
  const { request, response, requestId, clientAddress } = exchange;
  const permission = authorise(endpoint, actor, actor.kind !== 'anonymous', parts.identity);
  const { readable } = permission;
  const context = { actor: actor.name, requestId, clientAddress, ...(readable && { readable }) };
  const answer = await askCore(
    parts.upstream.proxy,
    coreRequest(request, permission.endpoint, context),
    response,
  );
  const body = await json(answer);
  if (answer.statusCode === 200) return body;
  const [error] = (body as { errors: { code: string; message: string }[] }).errors;
  throw new OciError(error!.code as 'NAME_UNKNOWN', { status: answer.statusCode!, message: error!.message });
}
