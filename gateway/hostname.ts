import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { canonicalName, machineNames } from '../certs/index.ts';
import { OciError } from '../oci/errors.ts';
import { singleHeader } from './headers.ts';

/** The `Host` of a request, read strictly. */
export interface RequestHost {
  /** Canonical, IPv6 without brackets. */
  name: string;
  /** As it may stand in a URL: brackets, and the port that the client used. */
  authority: string;
}

export interface Hostnames {
  /** @throws OciError URL_INVALID (400) for a Host that is absent, double or malformed, MISDIRECTED (421). */
  check(request: IncomingMessage): RequestHost;
  /** Reads the machine's names and addresses again. */
  refresh(): void;
}

const grammar = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::([0-9]{1,5}))?$/i;
const maxRemembered = 1000;

/** The names under which this gateway may be asked for: those of the machine and those of `hostname`. */
export function openHostnames(configured: readonly string[]): Hostnames {
  let served = new Set<string>();
  const remembered = new Map<string, RequestHost>();
  const refresh = () => {
    served = new Set(machineNames([...configured]));
    remembered.clear();
  };
  refresh();
  const check = (request: IncomingMessage) => {
    const text = singleHeader(request, 'host');
    if (text === undefined) throw malformed('the request has no Host header');
    const known = remembered.get(text);
    if (known) return known;
    const host = parseHost(text);
    if (!served.has(host.name)) throw misdirected(host.name);
    if (remembered.size < maxRemembered) remembered.set(text, host);
    return host;
  };
  return { check, refresh };
}

/** @throws OciError URL_INVALID */
export function parseHost(text: string): RequestHost {
  const match = grammar.exec(text);
  const port = match?.[2];
  const isAddress = !match?.[1]?.startsWith('[') || isIPv6(match[1].slice(1, -1));
  if (!match || !isAddress || Number(port ?? 0) > 65535) {
    throw malformed('the Host header must be a name and a port');
  }
  try {
    const name = canonicalName(match[1]!);
    const bracketed = isIPv6(name) ? `[${name}]` : name;
    return { name, authority: port === undefined ? bracketed : `${bracketed}:${port}` };
  } catch (cause) {
    throw malformed('the Host header must be a name and a port', cause);
  }
}

function malformed(message: string, cause?: unknown): OciError {
  return new OciError('URL_INVALID', { message, cause });
}

function misdirected(name: string): OciError {
  return new OciError('MISDIRECTED', {
    message:
      `this server does not serve the host ${name}; ` +
      'the operator adds names with the setting "hostname" (GATEHOUSE_HOSTNAME, --hostname)',
    detail: { host: name },
  });
}
