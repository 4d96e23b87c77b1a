import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withDescendants } from '../../processes.ts';
import { startRegistry } from '../../registry.ts';
import type { Materials } from './materials.ts';
import { demandProduction } from './production.ts';
import type { ServerKind } from './server.ts';

/** Every budget counts, and none is reached. The rest is as it comes. */
const settings = (htpasswd: string) => `limits:
  account_pulls: 999999999/1h
  address_pulls: 999999999/1h
  account_requests: 999999999/1h
  address_requests: 999999999/1h
  account_tokens: 999999999/1h
  address_tokens: 999999999/1h
auth:
  htpasswd_file: ${htpasswd}
`;

/** Gatehouse with its defaults but for the budgets, as `npm start` runs it. */
export function gatehouse(root: string, materials: Materials): ServerKind {
  const file = join(root, 'gatehouse.yml');
  const configuration = settings(materials.htpasswd);
  writeFileSync(file, configuration);
  const data = join(root, 'gatehouse');
  const environment = { ...withoutSettings(), GATEHOUSE_CONFIG: file };
  demandProduction(data, environment);
  return {
    name: 'gatehouse',
    configuration,
    storage: data,
    async start() {
      const registry = await startRegistry(data, environment, join(root, 'gatehouse.log'));
      const { port, ca, user, password } = registry;
      const pids = () => withDescendants(registry.process.pid!);
      return {
        ...{ name: 'gatehouse', port, ca, user, password, pids },
        another: async (elsewhere) => gatehouse(elsewhere, materials),
        stop: () => registry.stop(),
      };
    },
  };
}

/** A variable that is left in somebody's shell must not decide what is measured. */
function withoutSettings(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => name.startsWith('GATEHOUSE_'));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
