import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { basic, originOf, type Server } from '../servers/server.ts';
import { accept, runTool } from './run-tool.ts';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
const MANY = fileURLToPath(new URL('many.lua', import.meta.url));

export interface WrkLoad {
  path: string;
  clients: number;
  seconds: number;
  /** Of one whole answer, without its head: what comes short of it is a failure. */
  bodyBytes: number;
  authorization?: string;
  /** In place of the path: the manifests of so many repositories with so many tags each. */
  spread?: { repositories: number; tagsEach: number };
}

export interface WrkResult {
  requests: number;
  bytes: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

/** GETs over connections that are kept. @throws Error when a single one fails. */
export async function wrk(server: Server, load: WrkLoad): Promise<WrkResult> {
  const { path, clients, seconds, bodyBytes, authorization = basic(server), spread } = load;
  const threads = Math.min(clients, availableParallelism());
  const output = await runTool('wrk', [
    ...['-t', String(threads), '-c', String(clients), '-d', `${seconds}s`, '--timeout', '60s'],
    ...['-s', spread ? MANY : SCRIPT, '-H', accept, '-H', `Authorization: ${authorization}`],
    `${originOf(server)}${path}`,
    ...(spread ? ['--', String(spread.repositories), String(spread.tagsEach)] : []),
  ]);
  const { requests, bytes, micros, failed, p50Micros, p99Micros } = JSON.parse(
    output.trim().split('\n').at(-1)!,
  );
  if (failed > 0 || bytes < requests * bodyBytes || bytes === 0)
    throw new Error(`${server.name} ${path}: ${failed} failed, ${bytes} bytes in ${requests}:\n${output}`);
  return { requests, bytes, seconds: micros / 1e6, p50Ms: p50Micros / 1000, p99Ms: p99Micros / 1000 };
}
