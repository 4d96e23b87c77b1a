import { mkdirSync } from 'node:fs';
import { withBallast } from '../runtime/ballast.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { listenOnSocket } from '../runtime/control.ts';
import { drainServer } from '../runtime/http-drain.ts';
import { acquireLock } from '../runtime/lock.ts';
import type { Log } from '../runtime/log.ts';
import { type Running, runMain } from '../runtime/main.ts';
import { watchCoreDisk } from './disk.ts';
import { KeptLists } from './kept-lists.ts';
import { createMessageServer } from './message-server.ts';
import { openRegistry } from './metadata/open.ts';
import { retentionOf } from './retention.ts';
import { coreSettings, createCoreServer } from './server.ts';
import { statusReader } from './status.ts';
import { openBlobStore } from './storage/open.ts';
import { UploadSessions } from './upload-session.ts';

/** A predecessor that lost its supervisor may still be draining. */
const lockWaitMs = 40_000;

/** The process `core`: builds everything in one place and closes it in reverse. */
async function startCore(config: Config, log: Log): Promise<Running> {
  const paths = dataPaths(config);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  const lock = await acquireLock(paths.coreLock, lockWaitMs);
  if (!lock) throw new Error(`another registry-core is running on ${config.data}; stop it first`);
  const store = await openBlobStore(config);
  const registry = openRegistry({
    path: paths.registryDatabase,
    retention: retentionOf(config),
    makingRoom: (work) => withBallast(paths.ballast, work),
    onDeath(error) {
      log.error('the writer thread died, the process ends', { error });
      process.exit(1);
    },
  });
  const uploads = new UploadSessions(registry, store, config['uploads.expiry']);
  for (const error of await uploads.recover())
    log.error('an upload could not be finished at start', { error });
  const onFailure = (error: unknown) =>
    log.error('small uploads could not be written down, trying again', { error });
  uploads.start(onFailure);
  const disk = watchCoreDisk(config, log);
  const status = statusReader(config, registry, disk);
  const lists = new KeptLists(registry);
  const core = { registry, store, uploads, lists, settings: coreSettings(config), disk, status, log };
  const messages = createMessageServer(core);
  await listenOnSocket(messages.server, paths.coreMessagesSocket);
  const server = createCoreServer(core);
  await listenOnSocket(server, paths.coreSocket);
  return {
    async drain() {
      await disk.close();
      await messages.close();
      await drainServer(server, config['shutdown.drain']);
      await uploads.close(onFailure);
      await registry.close();
      lock.release();
    },
  };
}

await runMain('core', startCore);
