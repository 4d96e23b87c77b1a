import { flushCompileCache } from 'node:module';
import { loadAllModules } from './entries.ts';

// Started by load-ahead.ts. Where there was not enough time for all, the next start gets further.
process.on('SIGTERM', () => end(1));
await loadAllModules();
end(0);

function end(code: number): void {
  flushCompileCache();
  process.exit(code);
}
