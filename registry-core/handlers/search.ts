import type { Endpoint } from '../../oci/endpoints.ts';
import type { Answer, Question } from '../answer.ts';
import type { Core } from '../server.ts';
import { jsonAnswer } from './responses.ts';

const defaultResults = 25;
/** As many as docker asks for at most. */
const maxResults = 100;

/** `GET /v1/search` (Docker Hub's first search API, of which `docker search` knows no other): as the catalog. */
export async function handleSearch(
  { registry }: Core,
  { text, n }: Endpoint & { kind: 'search' },
  { context }: Question,
): Promise<Answer> {
  const limit = Math.min(n ?? defaultResults, maxResults);
  const names = await registry.search(context.readable ?? [], text, limit);
  const results = names.map((name) => ({
    name,
    description: '',
    is_official: false,
    is_automated: false,
    star_count: 0,
  }));
  return jsonAnswer(200, { query: text, num_results: results.length, results });
}
