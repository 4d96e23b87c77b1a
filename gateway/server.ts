import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { parseEndpoint, splitTarget } from '../oci/endpoints.ts';
import { sendError } from '../runtime/error-response.ts';
import type { Log } from '../runtime/log.ts';
import { authorise, scopeNeeded } from './access.ts';
import { type Api, isApiPath } from './api/api.ts';
import type { Upstream } from './ask.ts';
import type { Audit } from './audit/access-log.ts';
import { type ChallengeSettings, withChallenge } from './challenge.ts';
import type { ClientOriginReader } from './client-address.ts';
import { type Exchange, limitedAs } from './exchange.ts';
import { forward } from './forward.ts';
import type { Hostnames } from './hostname.ts';
import { demandPlainHttp } from './http-rules.ts';
import type { Identity } from './identity/index.ts';
import type { Limits } from './limits/policy.ts';
import { countRequest, login } from './login.ts';
import type { Metrics } from './metrics/metrics.ts';
import { countRefusal } from './metrics/refusals.ts';
import { allowedMethods, findHealthRoute, findRoute, type Health } from './routes.ts';
import { sameMoment } from './same-moment.ts';
import type { ClientIdentity } from './tls/client-certificates.ts';
import type { Warnings } from './warnings.ts';

export interface ChainParts {
  log: Log;
  readOrigin: ClientOriginReader;
  hostnames: Hostnames;
  limits: Limits;
  identity: Identity;
  audit: Audit;
  metrics: Metrics;
  health: Health;
  challenge: ChallengeSettings;
  warnings: Warnings;
  /** @throws OciError DENIED for a client certificate that is not good */
  clientOf(request: IncomingMessage, response: ServerResponse): ClientIdentity | undefined;
  /** The certificate of the own authority, PEM; undefined where there is none. */
  authorityCertificate(): Promise<string | undefined>;
  /** `Strict-Transport-Security` for those who come by HTTPS; empty: none. */
  strictTransport: string;
  upstream: Upstream;
  api: Api;
}

/** What becomes of a request, in order. Every step throws what is to be answered instead. */
async function handle(exchange: Exchange, parts: ChainParts): Promise<void> {
  const { request } = exchange;
  const { path, query } = splitTarget(request.url ?? '');
  exchange.logTarget = path;
  demandPlainHttp(request);
  const health = findHealthRoute(path);
  if (health) {
    exchange.route = path.slice(1);
    return health(exchange, parts.health);
  }
  exchange.authority = parts.hostnames.check(request).authority;
  try {
    await answer(exchange, query, parts);
  } catch (error) {
    // What failed before it was known who asks.
    await countRequest(exchange, parts.limits);
    throw error;
  }
}

async function answer(exchange: Exchange, query: string, parts: ChainParts): Promise<void> {
  const { request, response, clientAddress, requestId, logTarget: path } = exchange;
  const method = request.method ?? '';
  const target = request.url ?? '';
  exchange.client = parts.clientOf(request, response);
  if (method === 'OPTIONS') {
    await countRequest(exchange, parts.limits);
    response.writeHead(204, { Allow: allowedMethods(target, path) }).end();
    return;
  }
  const endpoint = parseEndpoint(method, target);
  if (!endpoint) {
    if (isApiPath(path)) {
      exchange.route = 'api';
      return parts.api.answer(exchange, path, query);
    }
    const route = findRoute(method, path);
    exchange.route = route.name;
    return route.answer(exchange, query, parts);
  }
  exchange.route = endpoint.kind;
  exchange.endpoint = endpoint;
  exchange.scope = scopeNeeded(endpoint);
  await sameMoment();
  const actor = await login(exchange, parts);
  const hasCredentials = request.headers.authorization !== undefined || actor.credential !== undefined;
  const permission = authorise(endpoint, actor, hasCredentials, parts.identity);
  const { readable, ownerOnly } = permission;
  const warnings = parts.warnings(actor);
  if (warnings.length > 0) response.setHeader('Warning', warnings);
  const context = {
    actor: actor.name,
    requestId,
    clientAddress,
    ...(readable && { readable }),
    ...(ownerOnly && { ownerOnly }),
  };
  const passage = await parts.limits.admitEndpoint(endpoint, limitedAs(exchange), request, response);
  await forward(request, response, permission.endpoint, context, parts.upstream, passage);
}

export function createChain(parts: ChainParts): RequestListener {
  return (request, response) => {
    const exchange = begin(request, response, parts);
    const noted = parts.audit.follow(exchange);
    const counted = parts.metrics.follow(exchange);
    response.once('close', () => {
      noted();
      counted();
    });
    handle(exchange, parts).catch((error: unknown) => {
      countRefusal(error, exchange, parts.metrics);
      // Nobody is left to hear of it.
      if (response.destroyed) return;
      sendError(response, withChallenge(error, exchange, parts.challenge), parts.log, exchange.requestId);
    });
  };
}

function begin(request: IncomingMessage, response: ServerResponse, parts: ChainParts): Exchange {
  const origin = parts.readOrigin(request, 'encrypted' in request.socket);
  const requestId = (origin.throughProxy ? proxyRequestId(request) : undefined) ?? randomUUID();
  response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (origin.secure && parts.strictTransport !== '') {
    response.setHeader('Strict-Transport-Security', parts.strictTransport);
  }
  return {
    request,
    response,
    requestId,
    clientAddress: origin.address,
    secure: origin.secure,
    startedAtMs: performance.now(),
    route: 'other',
    logTarget: '-',
    authority: '',
    endpoint: undefined,
    scope: undefined,
    client: undefined,
    actor: undefined,
    isCounted: false,
  };
}

function proxyRequestId(request: IncomingMessage): string | undefined {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : undefined;
}
