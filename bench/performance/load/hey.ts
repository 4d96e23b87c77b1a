import { basic, originOf, type Server } from '../servers/server.ts';
import { accept, runTool } from './run-tool.ts';

export interface HeyLoad {
  path: string;
  clients: number;
  seconds: number;
}

/**
 * GET over a connection for each request, with a whole handshake: what wrk does resumes.
 * @returns requests. @throws Error when a single one fails.
 */
export async function newConnections(
  server: Server,
  { path, clients, seconds }: HeyLoad,
): Promise<{ requests: number; seconds: number }> {
  const output = await runTool('hey', [
    ...['-c', String(clients), '-z', `${seconds}s`, '-disable-compression', '-disable-keepalive'],
    ...['-H', accept, '-H', `Authorization: ${basic(server)}`, `${originOf(server)}${path}`],
  ]);
  const answers = [...output.matchAll(/^\s+\[(\d+)\]\s+(\d+) responses$/gm)];
  const good = answers.filter(([, status]) => status === '200');
  if (good.length !== 1 || answers.length !== 1 || output.includes('Error distribution'))
    throw new Error(`${server.name} ${path}:\n${output}`);
  const total = Number(/Total:\s+([\d.]+) secs/.exec(output)![1]);
  return { requests: Number(good[0]![2]), seconds: total };
}
