/** The façade of the supervisor's room: what the command line may use of it. */
export { DataDirectoryError, lockDataDirectory, supervisorPaths } from './data-directory.ts';
export { type ProcessName, processNames, runProcessHere } from './entries.ts';
export { type ProcessStatus, StartError } from './kept-process.ts';
export { loadAhead } from './load-ahead.ts';
export { obeySignals } from './signals.ts';
export {
  Supervisor,
  type SupervisorOptions,
  type SupervisorStatus,
  secretVariables,
} from './supervisor.ts';
