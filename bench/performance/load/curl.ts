import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { originOf, type Server } from '../servers/server.ts';

/** Pulls of one blob by many clients at once, each over its own connection. */
export interface Storm {
  path: string;
  clients: number;
  bytes: number;
}

/** How long each client took, in seconds. @throws Error when one did not get every byte. */
export async function pullAtOnce(server: Server, storm: Storm): Promise<number[]> {
  const processes = Math.min(storm.clients, availableParallelism());
  const shares = Array.from({ length: processes }, (_, index) =>
    Math.floor((storm.clients + index) / processes),
  );
  const all = await Promise.all(shares.map((clients) => pull(server, { ...storm, clients })));
  return all.flat();
}

/** One curl, which has a connection for each of its transfers. */
async function pull(server: Server, { path, clients, bytes }: Storm): Promise<number[]> {
  const transfers = Array.from({ length: clients }, () => {
    return `url = "${originOf(server)}${path}"\noutput = "/dev/null"\n`;
  });
  const child = spawn(
    'curl',
    [
      ...['--silent', '--show-error', '--insecure', '--http1.1', '--config', '-'],
      ...['--parallel', '--parallel-immediate', '--parallel-max', '300'],
      ...['--write-out', '%{http_code} %{size_download} %{time_total}\n'],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const credentials = JSON.stringify(`${server.user}:${server.password}`);
  child.stdin.end(`user = ${credentials}\n${transfers.join('')}`);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const good = answers.filter(([status, size]) => status === 200 && size === bytes);
  if ((await closed) !== 0 || good.length !== clients)
    throw new Error(
      `${server.name} ${path}: ${good.length} of ${clients} pulls came whole\n${stderr}${stdout}`,
    );
  return good.map(([, , seconds]) => seconds!);
}
