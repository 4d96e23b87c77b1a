import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureCertificates } from '../../certs/index.ts';
import { openAdmin } from '../../gateway/admin.ts';
import { dataPaths, loadConfig } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { createLog } from '../../runtime/log.ts';
import { lockDataDirectory, Supervisor } from '../../supervisor/index.ts';
import { CommandError } from '../errors.ts';
import { randomPassword } from '../first-admin.ts';
import { type GatewayStatus, gatewayPort } from '../gateway-status.ts';
import type { RegistryAddress } from './registry-client.ts';

/** A Gatehouse of its own, with all its processes, on the same disks as the one that is tested. */
export interface Scratch {
  config: Config;
  address: RegistryAddress;
  /** Stops it and removes what it stored. */
  end(): Promise<void>;
}

/**
 * Starts one in a new directory under the data directory, and under the storage root where that is elsewhere. What
 * is there already is neither read nor changed.
 */
export async function startScratch(host: Config, leaseMs: number): Promise<Scratch> {
  const name = `selftest-${randomBytes(4).toString('hex')}`;
  const directories = [...new Set([host.data, host['storage.root']])].map((root) => join(root, name));
  for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o700 });
  const environment = settingsOf(directories[0]!, directories.at(-1)!, leaseMs);
  const { config } = loadConfig({ file: '/dev/null', environment });
  const remove = () => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true })));
  try {
    const { address, stop } = await startProcesses(config, environment);
    return {
      config,
      address,
      async end() {
        await stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Nothing of the environment's settings counts: whoever tests a registry shall test the same as everybody. */
function settingsOf(data: string, root: string, leaseMs: number): NodeJS.ProcessEnv {
  return {
    GATEHOUSE_DATA: data,
    GATEHOUSE_STORAGE_ROOT: root,
    GATEHOUSE_CONFIG: '/dev/null',
    GATEHOUSE_PORT: '0',
    GATEHOUSE_LISTEN: '127.0.0.1',
    GATEHOUSE_HOSTNAME: 'localhost',
    GATEHOUSE_AUTH_BCRYPT_COST: '8',
    GATEHOUSE_GC_LEASE: `${leaseMs}ms`,
    GATEHOUSE_GC_UNTAGGED: `${leaseMs}ms`,
    // The selftest asks for its collections itself.
    GATEHOUSE_GC_SCHEDULE: 'off',
    GATEHOUSE_LIMITS_ADDRESS_REQUESTS: '900000000/1m',
    GATEHOUSE_LIMITS_ACCOUNT_REQUESTS: '900000000/1m',
    GATEHOUSE_LOG_LEVEL: 'warn',
  };
}

async function startProcesses(config: Config, settings: NodeJS.ProcessEnv) {
  const lock = await lockDataDirectory(config);
  const password = randomPassword();
  const paths = dataPaths(config);
  await ensureCertificates({ directory: paths.certificates, names: ['localhost'] });
  const admin = await openAdmin(config);
  await admin.ensureFirstAdmin(() => password);
  admin.close();
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('GATEHOUSE_'));
  const supervisor = new Supervisor({
    config,
    log: createLog('supervisor', 'warn'),
    flags: [],
    environment: { ...Object.fromEntries(own), ...settings },
  });
  const stop = async () => {
    await supervisor.stop('the end of the selftest');
    lock.release();
  };
  try {
    if (!(await supervisor.start())) throw new CommandError('the registry of the selftest was stopped');
    const status = (await callControl(paths.gatewaySocket, 'GET', '/status')) as GatewayStatus;
    const ca = await readFile(join(paths.certificates, 'ca.crt'), 'utf8');
    return { address: { port: gatewayPort(status)!, ca, user: 'admin', password }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
