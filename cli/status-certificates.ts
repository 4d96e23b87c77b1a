import { countOf, statusLine as line } from './format.ts';
import type { GatewayStatus } from './gateway-status.ts';

/** The certificate that clients get, those for other names, and whatever is wrong with one of them. */
export function certificateLines(gateway: GatewayStatus | null): string[] {
  const { certificate, certificates = [] } = gateway ?? {};
  const byDefault = certificate
    ? [line('certificate', `until ${certificate.notAfter} (${certificate.daysLeft} days left)`)]
    : [];
  const pairs = certificates.flatMap(({ names, certificatePath, notAfter, fault }, index) => [
    // The default one is told of already.
    ...(index > 0 && notAfter ? [line('', `${names[0] ?? certificatePath}: until ${notAfter}`)] : []),
    ...(fault ? [line('', `NOT IN USE as it is now: ${certificatePath}: ${fault}`)] : []),
  ]);
  return [...byDefault, ...pairs, ...acmeLines(gateway)];
}

/** Only of trouble. */
function acmeLines(gateway: GatewayStatus | null): string[] {
  const { failures = 0, fault, nextAttempt } = gateway?.acme ?? {};
  if (!fault) return [];
  const next = nextAttempt ? `, asked again at ${nextAttempt}` : '';
  return [line('acme', `NO CERTIFICATE after ${countOf(failures, 'attempt')}${next}: ${fault}`)];
}
