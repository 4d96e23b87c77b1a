import { flushCompileCache } from 'node:module';
import { loadAllModules } from './entries.ts';

// Started by load-ahead.ts.
await loadAllModules();
flushCompileCache();
process.exit(0);
