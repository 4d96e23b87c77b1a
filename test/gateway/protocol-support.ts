import { request, type Target } from '../support/http.ts';
import type { Scope } from '../support/scope.ts';
import { basic, startCore, startGateway } from './support.ts';

export const repository = 'spec/app';
export const other = 'spec/other';
/** Nothing is ever pushed to it. */
export const absent = 'spec/absent';

/** Gateway and core, asked as the specification's clients do: with a Bearer token that was asked for as told. */
export async function startRegistry(scope: Scope): Promise<Target> {
  const gateway = await startGateway(scope);
  await startCore(scope, gateway.data);
  const names = [repository, other, absent];
  const query = names.map((name) => `scope=repository:${name}:pull,push,delete`).join('&');
  const headers = { authorization: basic('admin') };
  const { json } = await request(gateway, { path: `/token?service=&${query}`, headers });
  return { origin: gateway.origin, headers: { authorization: `Bearer ${json.token}` } };
}

export function ask(target: Target, method: string, path: string, headers: Record<string, string> = {}) {
  return request(target, { method, path, headers: { ...target.headers, ...headers } });
}
