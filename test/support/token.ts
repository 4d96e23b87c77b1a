import assert from 'node:assert/strict';
import { as, request, type Target } from './http.ts';
import { expectStatus } from './push.ts';

/**
 * The same target with a token in place of the password, got as clients get it: they are refused, read in the
 * challenge where tokens are, and ask there for a scope (`repository:team/app:pull,push`).
 */
export async function withToken<T extends Target>(target: T, scope: string): Promise<T> {
  const refused = await request(as(target), { path: '/v2/' });
  expectStatus(refused, 401, 'a stranger');
  const challenge = refused.headers['www-authenticate'] ?? '';
  const [, realm, service] = /^Bearer realm="([^"]+)",service="([^"]+)"/.exec(challenge) ?? [];
  assert.ok(realm && service, challenge);
  const url = new URL(realm);
  assert.equal(url.origin, target.origin);
  url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  const answer = await request(target, { path: url.pathname + url.search });
  expectStatus(answer, 200, `a token for ${scope}`);
  return { ...as(target), headers: { ...target.headers, authorization: `Bearer ${answer.json.token}` } };
}
