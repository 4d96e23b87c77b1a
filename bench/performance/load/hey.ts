import { basic, originOf, type Server } from '../servers/server.ts';
import { accept, runTool } from './run-tool.ts';

export interface HeyLoad {
  method: 'GET' | 'HEAD';
  path: string;
  clients: number;
  seconds: number;
  /** A connection for each request, with a whole handshake. */
  newConnections?: boolean;
}

/**
 * What wrk cannot: HEAD, and handshakes that resume nothing.
 * @returns requests. @throws Error when a single one fails.
 */
export async function hey(server: Server, load: HeyLoad): Promise<{ requests: number; seconds: number }> {
  const { method, path, clients, seconds, newConnections } = load;
  const output = await runTool('hey', [
    ...['-m', method, '-c', String(clients), '-z', `${seconds}s`, '-disable-compression'],
    ...(newConnections ? ['-disable-keepalive'] : []),
    ...['-H', accept, '-H', `Authorization: ${basic(server)}`, `${originOf(server)}${path}`],
  ]);
  const answers = [...output.matchAll(/^\s+\[(\d+)\]\s+(\d+) responses$/gm)];
  const good = answers.filter(([, status]) => status === '200');
  if (good.length !== 1 || answers.length !== 1 || output.includes('Error distribution'))
    throw new Error(`${server.name} ${method} ${path}:\n${output}`);
  const total = Number(/Total:\s+([\d.]+) secs/.exec(output)![1]);
  return { requests: Number(good[0]![2]), seconds: total };
}
