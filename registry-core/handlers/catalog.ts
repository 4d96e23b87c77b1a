import { type Endpoint, formatEndpoint } from '../../oci/endpoints.ts';
import type { Answer, Question } from '../answer.ts';
import type { Registry } from '../metadata/registry.ts';
import type { Core } from '../server.ts';
import { jsonAnswer, nextLink, pageRequest, type TextAnswer } from './responses.ts';

type CatalogEndpoint = Endpoint & { kind: 'catalog' };

/** `GET /v2/_catalog`: only what the caller's patterns cover; no patterns, no names. */
export function handleCatalog(
  { registry, lists }: Core,
  endpoint: CatalogEndpoint,
  { context: { readable = [] } }: Question,
): Promise<Answer> {
  const key = JSON.stringify([formatEndpoint(endpoint), readable]);
  return lists.answer(key, () => listRepositories(registry, endpoint, readable));
}

async function listRepositories(
  registry: Registry,
  endpoint: CatalogEndpoint,
  readable: readonly string[],
): Promise<TextAnswer> {
  const page = pageRequest(endpoint, 1000);
  const names = await registry.catalog(readable, page);
  const repositories = names.slice(0, page.size);
  const more = names.length > repositories.length;
  const next = { ...endpoint, n: page.size, last: repositories.at(-1)! };
  return jsonAnswer(200, { repositories }, more ? nextLink(formatEndpoint(next)) : {});
}
