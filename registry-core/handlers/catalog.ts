import { type Endpoint, formatEndpoint } from '../../oci/endpoints.ts';
import type { Answer, Question } from '../answer.ts';
import type { Core } from '../server.ts';
import { jsonAnswer, nextLink, pageRequest } from './responses.ts';

/** `GET /v2/_catalog`: only what the caller's patterns cover; no patterns, no names. */
export async function handleCatalog(
  { registry }: Core,
  endpoint: Endpoint & { kind: 'catalog' },
  { context }: Question,
): Promise<Answer> {
  const page = pageRequest(endpoint, 1000);
  const names = await registry.catalog(context.readable ?? [], page);
  const repositories = names.slice(0, page.size);
  const more = names.length > repositories.length;
  const next = { ...endpoint, n: page.size, last: repositories.at(-1)! };
  return jsonAnswer(200, { repositories }, more ? nextLink(formatEndpoint(next)) : {});
}
