import { referenceText } from '../../oci/reference.ts';
import type { AuditAction, AuditEntry } from '../../runtime/audit-entry.ts';
import { RecentMap } from '../../runtime/recent-map.ts';
import { blankSecrets } from '../../runtime/secrets.ts';
import { rightNeeded } from '../access.ts';
import type { Exchange } from '../exchange.ts';
import type { Credential } from '../identity/index.ts';
import type { Audit } from './access-log.ts';
import { AskedTags } from './asked-tags.ts';
import type { AuditRecorder } from './trail.ts';

/** Clients such as curl send their password with every request: that is one login, as long as it goes on. */
const loginEveryMs = 10 * 60_000;
const maxLogins = 10_000;

/** Puts into the audit trail what is to be seen of requests. */
export function openWitness(trail: AuditRecorder): Audit {
  const asked = new AskedTags();
  const logins = new RecentMap<number>(maxLogins);

  /** Accepted credentials are a login where a token is issued for them, elsewhere the first time in a while. */
  function isLogin({ actor, clientAddress, logTarget, response }: Exchange): boolean {
    if (!actor?.credential || actor.kind === 'anonymous' || actor.credential.kind === 'bearer') return false;
    const key = `${clientAddress} ${actor.name} ${actor.account?.credentialVersion} ${credentialText(actor.credential)}`;
    const now = performance.now();
    const last = logins.get(key);
    logins.set(key, now);
    if (logTarget === '/token') return response.statusCode === 200;
    return last === undefined || now - last > loginEveryMs;
  }

  function withAskedTag(entry: AuditEntry, exchange: Exchange): AuditEntry {
    const tag =
      entry.action === 'pull' && entry.reference === entry.digest && asked.find(exchange, entry.digest!);
    return tag ? { ...entry, detail: { tag } } : entry;
  }

  return {
    follow(exchange) {
      return () => {
        noteAskedTag(exchange, asked);
        const { actor, clientAddress } = exchange;
        const credential = actor?.issuedTo ?? actor?.credential;
        if (credential?.id !== undefined) trail.used(credentialText(credential), clientAddress);
        if (isLogin(exchange))
          trail.record({
            ...describe(exchange, 'login'),
            result: 'ok',
            status: exchange.response.statusCode,
          });
        const entry = registryEntry(exchange);
        if (entry) trail.record(withAskedTag(entry, exchange));
      };
    },
    loginFailed(exchange, { account, reason }) {
      trail.record({
        ...describe(exchange, 'login.failed'),
        actor: account,
        actorKind: 'user',
        result: 'failed',
        status: 401,
        detail: { reason },
      });
    },
  };
}

const actionOf = { GET: 'pull', PUT: 'push', DELETE: 'delete' } as const;

function registryEntry(exchange: Exchange): AuditEntry | undefined {
  const { endpoint, response } = exchange;
  if (!endpoint || !response.headersSent) return undefined;
  const { statusCode: status } = response;
  if (status === 403) return deniedEntry(exchange);
  const hasContent =
    endpoint.kind === 'manifest' || (endpoint.kind === 'blob' && endpoint.method === 'DELETE');
  if (!hasContent || endpoint.method === 'HEAD' || status >= 300) return undefined;
  const entry = describe(exchange, actionOf[endpoint.method]);
  const tags = endpoint.kind === 'manifest' ? endpoint.tags : [];
  return { ...entry, result: 'ok', status, ...(tags.length > 0 && { detail: { tags } }) };
}

function noteAskedTag(exchange: Exchange, asked: AskedTags): void {
  const { endpoint, response } = exchange;
  if (endpoint?.kind !== 'manifest' || endpoint.method !== 'HEAD' || response.statusCode !== 200) return;
  const digest = text(response.getHeader('docker-content-digest'));
  if ('tag' in endpoint.reference && digest)
    asked.note(exchange, blankSecrets(endpoint.reference.tag), digest);
}

/** What a right was missing for. */
function deniedEntry(exchange: Exchange): AuditEntry {
  const right = rightNeeded(exchange.endpoint!);
  const wanted = right?.action ?? 'catalog';
  return { ...describe(exchange, 'denied'), result: 'denied', status: 403, detail: { wanted } };
}

function describe(exchange: Exchange, action: AuditAction): Omit<AuditEntry, 'result'> {
  const { actor, clientAddress, endpoint, requestId, response } = exchange;
  const credential = actor?.issuedTo ?? actor?.credential;
  const isRegistry = action !== 'login' && action !== 'login.failed' && endpoint && 'repository' in endpoint;
  return {
    at: Date.now(),
    action,
    actor: actor?.name ?? '',
    actorKind: actor?.kind ?? 'anonymous',
    credential: credential && credentialText(credential),
    token: actor?.credential?.kind === 'bearer' ? actor.credential.id : undefined,
    address: clientAddress,
    ...(isRegistry && {
      repository: endpoint.repository,
      reference: endpoint.kind === 'manifest' ? blankSecrets(referenceText(endpoint.reference)) : undefined,
      digest: text(endpoint.kind === 'blob' ? endpoint.digest : response.getHeader('docker-content-digest')),
    }),
    requestId,
  };
}

export function credentialText({ kind, id }: Credential): string {
  return id === undefined ? kind : `${kind}:${id}`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
