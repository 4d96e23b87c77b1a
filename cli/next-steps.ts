import { join } from 'node:path';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { withPort } from './gateway-status.ts';

/**
 * What a new user needs to know once it runs: the addresses, where the authority's certificate is, and the lines
 * to type next.
 */
export function nextSteps(config: Config, port: number): string {
  const isPlain = config['tls.mode'] === 'off';
  const scheme = isPlain ? 'http' : 'https';
  const names = new Set([...config.hostname, 'localhost']);
  const hosts = [...names].map((name) => hostInReference(name, port, isPlain));
  const host = hosts[0]!;
  const lines = [
    'Gatehouse is up.',
    '',
    `  Address  ${hosts.map((name) => `${scheme}://${name}`).join('  ')}`,
    `  Data     ${config.data}`,
  ];
  const commands = [`docker login ${host} -u admin`, `docker push ${host}/admin/IMAGE`];
  if (config['tls.mode'] === 'own') {
    const ca = join(dataPaths(config).certificates, 'ca.crt');
    lines.push(`  CA       ${ca}`);
    const directory = `/etc/docker/certs.d/${host}`;
    commands.unshift(
      `sudo mkdir -p ${quote(directory)} && sudo cp ${quote(ca)} ${quote(`${directory}/ca.crt`)}`,
    );
  }
  return [...lines, '', 'To type next:', '', ...commands.map((command) => `  ${command}`), ''].join('\n');
}

/** The host as image references and URLs have it: without a port that goes without saying. */
function hostInReference(name: string, port: number, isPlain: boolean): string {
  const bracketed = withPort(name, port);
  return port === (isPlain ? 80 : 443) ? bracketed.slice(0, bracketed.lastIndexOf(':')) : bracketed;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:@%+=,[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
