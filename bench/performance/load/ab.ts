import { originOf, type Server } from '../servers/server.ts';
import { runTool } from './run-tool.ts';

export interface HeadLoad {
  path: string;
  clients: number;
  seconds: number;
}

/** More than are asked for in the time; without it ab would stop at 50,000. */
const endless = 100_000_000;

/**
 * HEAD over kept connections, which wrk cannot send; ab (from apache2-utils, as htpasswd) costs a tenth of hey.
 * @returns requests. @throws Error when a single one fails.
 */
export async function head(
  server: Server,
  { path, clients, seconds }: HeadLoad,
): Promise<{ requests: number; seconds: number }> {
  const output = await runTool('ab', [
    ...['-i', '-k', '-q', '-c', `${clients}`, '-t', `${seconds}`, '-n', `${endless}`],
    ...[
      '-A',
      `${server.user}:${server.password}`,
      `${originOf(server).replace('localhost', '127.0.0.1')}${path}`,
    ],
  ]);
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(output)?.[1] ?? 0);
  const requests = figure('Complete requests');
  const refused = figure('Failed requests') + figure('Non-2xx responses');
  if (requests === 0 || refused > 0) throw new Error(`${server.name} HEAD ${path}:\n${output}`);
  return { requests, seconds: figure('Time taken for tests') };
}
