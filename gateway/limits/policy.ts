import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Endpoint } from '../../oci/endpoints.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ProxiedConnections } from '../proxied/connections.ts';
import { networkCheck } from '../proxied/networks.ts';
import type { Channel } from '../workers/channel.ts';
import { limitConnections } from './connections.ts';
import { type LoginAdmission, openLoginLimits } from './logins.ts';
import { Pace } from './pace.ts';
import { type Pull, Pulls } from './pulls.ts';
import { openRefusals, overHeld, overRate, quietMs } from './refuse.ts';
import { type Client, openRules } from './rules.ts';
import { countersOver } from './shared-counters.ts';

export type { LoginAdmission } from './logins.ts';
export type { Client } from './rules.ts';

/** What an admitted request may do. */
export interface Passage {
  pull: Pull | undefined;
  /** For the body, whichever way it goes. */
  pace: Pace | undefined;
}

/** Who may do how much. Each method throws OciError TOOMANYREQUESTS with `Retry-After` when it is too much. */
export interface Limits {
  /** Once for each request, when it is known who asks. */
  admitRequest(client: Client, repository?: string): Promise<void>;
  admitToken(client: Client): Promise<void>;
  /** Before a password is looked at. */
  admitLogin(address: string, account: string): Promise<LoginAdmission>;
  /** Before a request goes to the core. */
  admitEndpoint(
    endpoint: Endpoint,
    client: Client,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Passage>;
  /** Closes a connection that is too many. To be called when it is known whose it is. */
  admitConnection(socket: Socket): Promise<void>;
}

export interface LimitsParts {
  config: Config;
  log: Log;
  channel: Channel;
  metrics: Pick<Metrics, 'limitDecided'>;
  /** Undefined where nobody speaks the PROXY protocol. */
  proxied: Pick<ProxiedConnections, 'sourceOf'> | undefined;
}

const noPassage: Passage = { pull: undefined, pace: undefined };

/** What a worker asks of the limits. The counters are the primary's. */
export function openLimits({ config, log, channel, metrics, proxied }: LimitsParts): Limits {
  const mode = config['limits.mode'];
  const counters = countersOver(channel);
  const rules = openRules(config);
  const find: typeof rules = mode === 'off' ? () => undefined : rules;
  const refusals = openRefusals({ mode, log, decided: metrics.limitDecided });
  const pulls = new Pulls(counters, find, refusals, mode === 'enforce');

  const count = async (name: 'requests' | 'tokens', client: Client, repository?: string) => {
    const budget = find(name, client, repository);
    if (!budget) return;
    const counted = await counters.take(budget.key, budget.limit);
    refusals.decide(budget, counted.admitted, () => overRate(budget, counted), counted.resetMs);
  };
  const holdUpload = async (client: Client, repository: string, response: ServerResponse) => {
    const budget = find('uploads', client, repository);
    if (!budget) return;
    const hold = await counters.hold(budget.key, budget.limit);
    if (hold && response.closed) hold.release();
    else response.once('close', () => hold?.release());
    refusals.decide(budget, hold !== undefined, () => overHeld(budget), quietMs);
  };
  return {
    admitRequest: (client, repository) => count('requests', client, repository),
    admitToken: (client) => count('tokens', client),
    admitLogin: openLoginLimits(channel),
    async admitEndpoint(endpoint, client, request, response) {
      if (!('repository' in endpoint)) return noPassage;
      const { kind, method, repository } = endpoint;
      if (kind === 'manifest' && (method === 'GET' || method === 'HEAD')) {
        const byDigest = 'digest' in endpoint.reference;
        const asked = { client, repository, byDigest, response };
        if (method === 'GET') return { pull: await pulls.admit(asked), pace: undefined };
        await pulls.show(asked);
        return noPassage;
      }
      const isUpload = (kind === 'upload' || kind === 'uploads') && hasBody(request);
      if (isUpload) await holdUpload(client, repository, response);
      if (!isUpload && (kind !== 'blob' || method !== 'GET')) return noPassage;
      const budget = mode === 'enforce' ? find('bandwidth', client, repository) : undefined;
      return { pull: undefined, pace: budget && new Pace(counters, budget) };
    },
    admitConnection: limitConnections({
      find,
      counters,
      refusals,
      isProxy: networkCheck(config['proxy.trusted']),
      sourceOf: (socket) => proxied?.sourceOf(socket),
    }),
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
