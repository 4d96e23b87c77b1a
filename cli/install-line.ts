import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Config } from '../runtime/config-schema.ts';
import { registryHost } from './trust-hosts.ts';

/**
 * One line for a machine that knows nothing of us yet: it fetches the certificate of the authority and installs it for
 * docker, when it is the one whose SHA-256 stands in the line. How it comes there need not be trusted then.
 */
export function installLine(config: Config, ca: string, port: number): string {
  const [name = 'localhost'] = config.hostname;
  const host = registryHost(name, port);
  const sum = createHash('sha256').update(ca).digest('hex');
  const fetched = `curl -fsS${fetchOption(config)} -o "$f" ${authorityUrl(config, name, host)}`;
  return [
    'f=$(mktemp)',
    fetched,
    `echo "${sum}  $f" | sha256sum -c --quiet -`,
    `install -D -m 644 "$f" '/etc/docker/certs.d/${host}/ca.crt'`,
  ].join(' && ');
}

function authorityUrl(config: Config, name: string, host: string): string {
  const port = config['http.port'];
  if (port === 0) return `'https://${host}/ca.crt'`;
  const bare = isIPv6(name) ? `[${name}]` : name;
  return `'http://${bare}${port === 80 ? '' : `:${port}`}/ca.crt'`;
}

/** Over HTTPS the certificate cannot be checked yet. */
function fetchOption(config: Config): string {
  return config['http.port'] === 0 ? 'k' : '';
}
