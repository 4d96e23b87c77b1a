import { type Endpoint, formatEndpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import type { Answer } from '../answer.ts';
import type { Registry } from '../metadata/registry.ts';
import type { Core } from '../server.ts';
import { jsonAnswer, nextLink, pageRequest, type TextAnswer } from './responses.ts';

type TagsEndpoint = Endpoint & { kind: 'tags' };

/** `GET /v2/<name>/tags/list` (spec end-8). */
export function handleTags({ registry, lists }: Core, endpoint: TagsEndpoint): Promise<Answer> {
  return lists.answer(formatEndpoint(endpoint), () => listTags(registry, endpoint));
}

async function listTags(registry: Registry, endpoint: TagsEndpoint): Promise<TextAnswer> {
  const { repository } = endpoint;
  const page = pageRequest(endpoint);
  const names = await registry.tags(repository, page);
  if (names.length === 0 && !(await registry.repositoryExists(repository))) {
    throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
  }
  const tags = names.slice(0, page.size);
  const next = { ...endpoint, n: page.size, last: tags.at(-1)! };
  const link = names.length > tags.length ? nextLink(formatEndpoint(next)) : {};
  return jsonAnswer(200, { name: repository, tags }, link);
}
