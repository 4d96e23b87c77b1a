import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pushImage } from '../../test/support/push.ts';
import { cpuSecondsOf, withDescendants } from '../processes.ts';
import { type RunningRegistry, startRegistry } from '../registry.ts';

/**
 * What the audit trail costs those who pull: two registries, one with `audit.trail: off`, asked in turn. CPU of all
 * their processes for each request, which other load on the machine changes little, and requests a second beside it.
 */
const [rounds = 10, requestsEach = 3000] = process.argv.slice(2).map(Number);
const clients = 16;

interface Side {
  name: string;
  registry: RunningRegistry;
  agent: Agent;
  authorization: string;
  digests: string[];
}

/** One pull, as paths. */
type Pull = (side: Side) => string[];

const workloads: Record<string, Pull> = {
  'manifest by tag': () => ['manifests/v1'],
  'whole pull: manifest, config, two layers of 1 MiB': ({ digests }) => [
    'manifests/v1',
    ...digests.map((digest) => `blobs/${digest}`),
  ],
};

async function get({ registry, agent, authorization }: Side, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { host: 'localhost', port: registry.port, agent, ca: registry.ca, path };
    request({ ...options, headers: { authorization } }, async (response) => {
      const body = await buffer(response);
      if (response.statusCode === 200) resolve(body);
      else reject(new Error(`${path}: ${response.statusCode} ${body}`));
    })
      .on('error', reject)
      .end();
  });
}

async function open(name: string, settings: NodeJS.ProcessEnv, data: string): Promise<Side> {
  const registry = await startRegistry(data, {
    ...settings,
    GATEHOUSE_LIMITS_ADDRESS_REQUESTS: '999999999/1m',
    GATEHOUSE_LIMITS_ACCOUNT_REQUESTS: '999999999/1m',
  });
  const { port, ca, user, password } = registry;
  const target = { origin: `https://localhost:${port}`, ca, user, password };
  const layers = [Buffer.alloc(2 ** 20, 'a'), Buffer.alloc(2 ** 20, 'b')];
  const { config, layers: pushed } = await pushImage(target, 'team/app', 'v1', { layers });
  const digests = [config, ...pushed].map(({ digest }) => digest);
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const side = { name, registry, agent, authorization: basic, digests };
  const { token } = JSON.parse((await get(side, '/token?scope=repository:team/app:pull')).toString());
  return { ...side, authorization: `Bearer ${token}` };
}

function cpuSeconds(pid: number): number {
  return withDescendants(pid).reduce((sum, id) => sum + cpuSecondsOf(id), 0);
}

async function round(side: Side, pull: Pull) {
  const paths = pull(side).map((path) => `/v2/team/app/${path}`);
  const pid = side.registry.process.pid!;
  const [cpu, time] = [cpuSeconds(pid), performance.now()];
  let left = Math.round(requestsEach / paths.length);
  const pulls = left;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) for (const path of paths) await get(side, path);
    }),
  );
  const seconds = (performance.now() - time) / 1000;
  return { cpuMicros: ((cpuSeconds(pid) - cpu) * 1e6) / pulls, perSecond: pulls / seconds };
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

const directories = ['on', 'off'].map(() => mkdtempSync(join(tmpdir(), 'gatehouse-bench-')));
const sides = [
  await open('on', { GATEHOUSE_AUDIT_TRAIL: 'on' }, directories[0]!),
  await open('off', { GATEHOUSE_AUDIT_TRAIL: 'off' }, directories[1]!),
] as const;
try {
  for (const [name, pull] of Object.entries(workloads)) {
    for (const side of sides) await round(side, pull);
    const [on, off] = [[], []] as [Awaited<ReturnType<typeof round>>[], Awaited<ReturnType<typeof round>>[]];
    for (let count = 0; count < rounds; count++) {
      // Now one first, now the other.
      const order = count % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      for (const index of order) (index === 0 ? on : off).push(await round(sides[index], pull));
    }
    const [cpuOn, cpuOff] = [on, off].map((all) => median(all.map(({ cpuMicros }) => cpuMicros))) as [
      number,
      number,
    ];
    const speed = median(on.map(({ perSecond }, index) => perSecond / off[index]!.perSecond));
    const cost = ((cpuOn / cpuOff - 1) * 100).toFixed(1);
    console.log(`${name}: CPU ${cpuOn.toFixed(0)} µs with, ${cpuOff.toFixed(0)} µs without: ${cost} % more`);
    console.log(`  pulls/s with / without: ${speed.toFixed(3)} (median of ${rounds} pairs)`);
  }
} finally {
  for (const { registry, agent } of sides) {
    agent.destroy();
    await registry.stop();
  }
  for (const directory of directories) rmSync(directory, { recursive: true });
}
