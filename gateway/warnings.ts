import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { formatWarning, limitWarnings } from '../oci/warning.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Actor } from './identity/index.ts';
import type { ServedCertificate } from './tls.ts';

const dayMs = 86_400_000;
/** A warning comes in the last tenth of a life, but never earlier than this before its end. */
const tokenNoticeMs = 300_000;
const certificateNoticeMs = 14 * dayMs;

/** Tells people what is about to stop working for them, in `Warning` headers, while they can still do something. */
export type Warnings = (actor: Actor) => string[];

export function openWarnings(config: Config, certificate: ServedCertificate | undefined): Warnings {
  const tokenNotice = Math.min(tokenNoticeMs, config['auth.token_lifetime'] / 10);
  return (actor) => {
    const now = Date.now();
    const texts: string[] = [];
    // The end itself, not the time left: a client shows the same text once, however many answers have it.
    const { tokenEndsAt } = actor;
    if (actor.kind === 'user' && tokenEndsAt !== undefined && tokenEndsAt - now < tokenNotice) {
      texts.push(`your token ends at ${timeText(tokenEndsAt)}; get a new one before the next request`);
    }
    const life = certificate?.life();
    // Only an administrator can do something about it; the certificate of a proxy in front is not ours.
    if (actor.admin && life && life.endsAt - now < Math.min(certificateNoticeMs, life.lengthMs / 10)) {
      texts.push(`the certificate of this registry ends at ${timeText(life.endsAt)}; ${advice(config)}`);
    }
    return texts.map(formatWarning);
  };
}

function advice(config: Config): string {
  return config['tls.mode'] === 'own'
    ? 'renew it with: gatehouse cert renew'
    : 'put a new one into the files of tls.certificate and tls.key';
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** Puts the warnings of the core's answer beside those of the gateway. @returns the other headers. */
export function joinWarnings(
  response: ServerResponse,
  { warning, ...headers }: OutgoingHttpHeaders,
): OutgoingHttpHeaders {
  const values = [response.getHeader('warning') ?? [], warning ?? []].flat() as string[];
  if (values.length > 0) response.setHeader('Warning', limitWarnings(values));
  return headers;
}
