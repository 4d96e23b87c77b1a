#!/usr/bin/env node
// The `gatehouse` command: finds the right Node, sets the compile cache, runs cli/.
// Plain JavaScript for Node 18 and later, since it runs on whatever Node the host has.
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { installMissing, LEAST_NODE, nodePackages } from './install.js';

const BIN = fileURLToPath(import.meta.url);
const ROOT = resolve(dirname(BIN), '..');

try {
  await start();
} catch (error) {
  if (error?.code !== 'GATEHOUSE_START') throw error;
  process.stderr.write(`gatehouse: ${error.message}\n`);
  process.exitCode = 1;
}

async function start() {
  // Only where nothing is there at all: another process of this checkout may be running on what is.
  const isCheckout = existsSync(join(ROOT, 'package-lock.json'));
  if (isCheckout && !existsSync(join(ROOT, 'node_modules', '.package-lock.json'))) {
    await installMissing({ root: ROOT }).catch((error) => stop(error.message));
  }
  if (Number.parseInt(process.versions.node, 10) < LEAST_NODE) return rerun(pinnedNode());
  // Somebody's own NODE_COMPILE_CACHE is in force already, and stays.
  if (process.env.NODE_COMPILE_CACHE === undefined) enableCompileCache();
  const { main } = await import(pathToFileURL(entry()).href);
  const code = await main(process.argv.slice(2));
  // undefined: a process that runs here now and ends when it wants to.
  if (code === undefined) return;
  module.flushCompileCache?.();
  // Whoever handles signals itself, as `up` does, nobody could end while its reader keeps it waiting.
  if (process.listenerCount('SIGTERM') === 0)
    await Promise.all([process.stdout, process.stderr].map(written));
  // Not by exitCode: on its way out Node takes the signal handlers away, and a second Ctrl-C would then be the end.
  process.exit(code);
}

/** What a pipe has no room for yet would be lost with the process; a pipe that was closed takes no more. */
async function written(stream) {
  if (stream.writableLength > 0) await new Promise((resolve) => stream.write('', resolve));
}

/** Types are stripped in a checkout; Node refuses that under node_modules, so a published package is compiled. */
function entry() {
  const source = join(ROOT, 'cli', 'main.ts');
  const isInstalled = /[\\/]node_modules[\\/]/.test(ROOT);
  return !isInstalled && existsSync(source) ? source : join(ROOT, 'dist', 'cli', 'main.js');
}

function pinnedNode() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  try {
    if (name) return join(dirname(createRequire(BIN).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    // Not installed; said below.
  }
  stop(
    `Node ${LEAST_NODE} or newer is needed, this is ${process.version}, and the npm package with the right one is not installed (${name ?? `there is none for ${process.platform}-${process.arch}`})`,
  );
}

/** Runs this file again on another Node: same streams, signals passed on, same exit. */
function rerun(node) {
  const child = spawn(node, [BIN, ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`gatehouse: ${node} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal) {
      for (const name of signals) process.removeAllListeners(name);
      process.kill(process.pid, signal);
    }
    // The signal above ends this process; should it be ignored, the shells' convention is what is left.
    process.exit(code ?? 128 + constants.signals[signal]);
  });
}

/** Compiled code is run as it is found, so a directory that others can write to is never used. */
function enableCompileCache() {
  const data = dataDirectory();
  const path = isOurs(data)
    ? join(data, 'cache', 'compile')
    : join(tmpdir(), `gatehouse-compile-${process.getuid?.() ?? 0}`);
  if (makeOwn(path)) module.enableCompileCache?.(path);
}

/** As far as it is known without reading a configuration file: a guess is enough for a cache. */
function dataDirectory() {
  const { argv, env } = process;
  const index = argv.findIndex((argument) => argument === '--data' || argument.startsWith('--data='));
  const flag = argv[index]?.includes('=') ? argv[index].slice('--data='.length) : argv[index + 1];
  return resolve((index > 0 && flag) || env.GATEHOUSE_DATA || 'data');
}

function makeOwn(path) {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return isOurs(path);
  } catch {
    return false;
  }
}

function isOurs(path) {
  try {
    const found = lstatSync(path);
    const isMine = found.uid === (process.getuid?.() ?? found.uid);
    return found.isDirectory() && isMine && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

function stop(message) {
  throw Object.assign(new Error(message), { code: 'GATEHOUSE_START' });
}
