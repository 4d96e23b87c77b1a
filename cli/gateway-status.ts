import type { ProcessFigures } from '../runtime/process-figures.ts';

/** What the gateway answers on its control socket; only what the command line reads. */
export interface GatewayStatus {
  addresses: { address: string; port: number }[];
  certificate?: { notAfter: string; daysLeft: number };
  /** All that are served, the default one first. A fault: why its files are not served as they are now. */
  certificates?: {
    source: 'own' | 'files' | 'acme';
    certificatePath: string;
    names: string[];
    notAfter: string | null;
    fault: string | null;
  }[];
  acme?: { names: string[]; failures: number; fault: string | null; nextAttempt: string | null };
  requests: { total: number; active: number };
  connections?: number;
  process?: ProcessFigures;
  readiness?: { ready: boolean; checks: Record<string, { ok: boolean; message?: string }> };
  metrics?: { port: number; url: string } | null;
  audit?: {
    written: number;
    waiting: number;
    dropped: number;
    error: string | null;
    linesError: string | null;
  } | null;
  htpasswd?: { path: string; users: number; loadedAt: string; faults: string[] };
}

/** The port that the gateway took. */
export function gatewayPort(status: GatewayStatus | undefined): number | undefined {
  return status?.addresses[0]?.port;
}

/** `0.0.0.0:443` and the like, for people. */
export function gatewayAddresses(status: GatewayStatus | null): string[] {
  return (status?.addresses ?? []).map(({ address, port }) => withPort(address, port));
}

/** Host and port as they stand in a URL: an IPv6 address in brackets. */
export function withPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
