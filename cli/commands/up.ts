import { join } from 'node:path';
import { ensureCertificates, machineNames } from '../../certs/index.ts';
import { dataPaths, type LoadedConfig } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { createLog } from '../../runtime/log.ts';
import {
  loadAhead,
  lockDataDirectory,
  obeySignals,
  Supervisor,
  secretVariables,
} from '../../supervisor/index.ts';
import { type Call, type Command, namedPositionals } from '../command.ts';
import { ensureFirstAdmin } from '../first-admin.ts';
import { type GatewayStatus, gatewayPort } from '../gateway-status.ts';
import { nextSteps } from '../next-steps.ts';
import { printError, printLine } from '../output.ts';
import { otherPort } from '../port.ts';
import { loadAlone, processFlags } from '../settings.ts';
import { unpermittedText } from '../unpermitted-names.ts';

export const command: Command = {
  summary: 'start the registry: all three processes',
  usage: ['up [options]'],
  description:
    'Makes what is missing (data directory, certificate authority and certificate, first user `admin`), starts the\nprocesses, prints `ready` when all of them answer, and runs until Ctrl-C or SIGTERM. SIGHUP reloads.\nThe first password comes from GATEHOUSE_ADMIN_PASSWORD or GATEHOUSE_ADMIN_PASSWORD_FILE, else it is random.',
  examples: [
    ['up', 'everything under ./data, on port 443 or 8443'],
    ['up --data /srv/gatehouse --hostname registry.example.com', 'for clients of other machines'],
    ['up --port 5443', 'on another port'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    const loaded = loadAlone(call.flags);
    // Before anything is made or changed: it may be somebody else's running registry.
    const lock = await lockDataDirectory(loaded.config);
    try {
      await makeWhatIsMissing(loaded.config);
      return await supervise(loaded, call);
    } finally {
      lock.release();
    }
  },
};

async function makeWhatIsMissing(config: Config): Promise<void> {
  if (config['tls.mode'] === 'own') {
    const { created, reissued, reason, unpermitted } = await ensureCertificates({
      directory: dataPaths(config).certificates,
      names: machineNames(config.hostname),
      keyType: config['tls.key_type'],
      lifetimeMs: config['tls.lifetime'],
    });
    const refused = unpermitted.filter((name) => config.hostname.includes(name));
    if (refused.length > 0) printError(unpermittedText(refused));
    if (reissued) printLine(`The server certificate was issued anew (${reason}).`);
    else if (reason !== undefined && !created)
      printError(`the server certificate should be issued anew (${reason}), but ca.key is not there`);
  }
  const said = await ensureFirstAdmin(config, process.env, process.stdout.isTTY === true);
  for (const name of secretVariables) delete process.env[name];
  if (said !== undefined) printLine(said);
}

async function supervise(loaded: LoadedConfig, { flags }: Call): Promise<number> {
  const { config } = loaded;
  const port = await otherPort(loaded);
  if (port !== undefined) {
    printLine(`This user may not use port ${config.port}: ${port} it is (another one with --port).`);
  }
  const environment = { NODE_COMPILE_CACHE: join(config.data, 'cache', 'compile'), ...process.env };
  const supervisor = new Supervisor({
    config,
    log: createLog('supervisor', config['log.level']),
    flags: processFlags(loaded, port === undefined ? flags : { ...flags, port: String(port) }),
    environment,
  });
  obeySignals(supervisor);
  try {
    const stopping = new AbortController();
    const abort = () => stopping.abort();
    void supervisor.stopped.then(abort, abort);
    await loadAhead(environment, stopping.signal);
    if (await supervisor.start()) await announce(config, port ?? config.port);
    await supervisor.stopped;
    return 0;
  } finally {
    // Already so, unless something unforeseen was thrown: no process may outlive the lock.
    await supervisor.stop('the end');
  }
}

/** The gateway knows best which port it has: with `--port 0` nobody else does. */
async function announce(config: Config, wanted: number): Promise<void> {
  const status = await callControl(dataPaths(config).gatewaySocket, 'GET', '/status').catch(() => undefined);
  printLine(nextSteps(config, gatewayPort(status as GatewayStatus | undefined) ?? wanted));
  printLine('ready');
}
