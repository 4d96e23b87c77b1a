import { parseEndpoint } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import { findApi, isApiPath } from './api/api.ts';
import { documentPath } from './api/operations.ts';
import { type Exchange, sendJson, sendText } from './exchange.ts';
import type { Readiness } from './health/readiness.ts';
import type { LoginParts } from './login.ts';
import { answerToken } from './token-route.ts';

export interface Route {
  /** As metrics call it. */
  name: string;
  methods: readonly string[];
  answer(exchange: Exchange, query: string, parts: RouteParts): Promise<void> | void;
}

export interface RouteParts extends LoginParts {
  /** The certificate of the own authority, PEM; undefined where there is none. */
  authorityCertificate(): Promise<string | undefined>;
}

/** What the gateway answers itself, beside the registry API in `oci/endpoints.ts`. */
const routes: Readonly<Record<string, Route>> = {
  '/': {
    name: 'root',
    methods: ['GET', 'HEAD'],
    answer: (exchange) =>
      sendJson(exchange, 200, { name: 'Gatehouse', registry: '/v2/', token: '/token', api: documentPath }),
  },
  // RFC 8615; OpenID Connect and others look for it there.
  '/.well-known/jwks.json': { name: 'jwks', methods: ['GET', 'HEAD'], answer: answerKeySet },
  // Docker looks here before it searches. `standalone`: Basic credentials go with the search itself.
  '/v1/_ping': {
    name: 'ping',
    methods: ['GET', 'HEAD'],
    answer: (exchange) =>
      sendJson(exchange, 200, { standalone: true }, { 'X-Docker-Registry-Standalone': 'true' }),
  },
  '/ca.crt': { name: 'ca', methods: ['GET', 'HEAD'], answer: answerAuthority },
  '/token': { name: 'token', methods: ['GET', 'POST'], answer: answerToken },
};

/** Who verifies our tokens may keep it a while, since a key that is new comes with a `kid` that is not in it. */
/** For a machine that does not trust us yet: it fetches this without checking, and compares the hash. */
async function answerAuthority(exchange: Exchange, _query: string, parts: RouteParts): Promise<void> {
  const text = await parts.authorityCertificate();
  if (text === undefined) throw new OciError('NOT_FOUND');
  sendText(exchange.request, exchange.response, text);
}

async function answerKeySet(exchange: Exchange, _query: string, { identity }: LoginParts): Promise<void> {
  sendJson(exchange, 200, await identity.keySet(), {
    'Content-Type': 'application/jwk-set+json',
    'Cache-Control': 'public, max-age=300',
  });
}

/** For machines that ask by address, so under whatever name. */
const healthRoutes: Readonly<Record<string, (exchange: Exchange, health: Health) => Promise<void> | void>> = {
  '/healthz': answerAlive,
  '/readyz': answerReady,
};

/** What is needed for an answer about the state of the gateway. */
export interface Health {
  readiness: Readiness;
  /** Whether the client at this address is told what is wrong. */
  mayKnow(address: string): boolean;
}

/** @returns undefined for any other path. */
export function findHealthRoute(path: string) {
  return Object.hasOwn(healthRoutes, path) ? healthRoutes[path] : undefined;
}

/** Alive: the process takes requests. Says nothing else, since anybody may ask under any name. */
function answerAlive(exchange: Exchange): void {
  demandMethod(exchange.request.method ?? '', ['GET', 'HEAD', 'OPTIONS']);
  sendJson(exchange, 200, { status: 'ok' }, { 'Cache-Control': 'no-store' });
}

/** Ready: a push or a pull that came now would be served. */
async function answerReady(exchange: Exchange, { readiness, mayKnow }: Health): Promise<void> {
  demandMethod(exchange.request.method ?? '', ['GET', 'HEAD', 'OPTIONS']);
  const { ready, checks } = await readiness.read();
  const body = {
    status: ready ? 'ready' : 'not ready',
    ...(mayKnow(exchange.clientAddress) ? { checks } : {}),
  };
  const headers = { 'Cache-Control': 'no-store', ...(ready ? {} : { 'Retry-After': '5' }) };
  sendJson(exchange, ready ? 200 : 503, body, headers);
}

/** @throws OciError NOT_FOUND, or UNSUPPORTED (405) with `Allow` */
export function findRoute(method: string, path: string): Route {
  const route = Object.hasOwn(routes, path) ? routes[path]! : undefined;
  if (!route) throw new OciError('NOT_FOUND', { detail: { path: path.slice(0, 300) } });
  demandMethod(method, route.methods);
  return route;
}

/** What `OPTIONS` answers: the methods of a target. @throws OciError as the target's own reading does. */
export function allowedMethods(target: string, path: string): string {
  try {
    if (isApiPath(path)) findApi('OPTIONS', path);
    else if (!parseEndpoint('OPTIONS', target)) findRoute('OPTIONS', path);
  } catch (error) {
    const allowed = error instanceof OciError ? error.headers['Allow'] : undefined;
    if (allowed !== undefined) return `${allowed}, OPTIONS`;
    throw error;
  }
  return 'OPTIONS';
}

/** @throws OciError UNSUPPORTED (405) with `Allow` */
export function demandMethod(method: string, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  throw new OciError('UNSUPPORTED', {
    message: `method not allowed here (allowed: ${allowed.join(', ')})`,
    headers: { Allow: allowed.join(', ') },
  });
}
