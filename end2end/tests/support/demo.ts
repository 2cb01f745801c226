// Starts `purser demo` on free ports with a data directory of its own, waits until its story is told, and stops it at the end.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { WORLD, type Login, type World } from './world';

const READY_WITHIN_MS = 120_000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The demo's summary: the first line of JSON that it prints. */
async function told(demo: ChildProcess): Promise<{ logins: Login[] }> {
  const lines = createInterface({ input: demo.stdout! });
  const summary = (async () => {
    for await (const line of lines) {
      if (line.startsWith('{')) return JSON.parse(line) as { logins: Login[] };
    }
    throw new Error('the demo ended before it was ready; its messages are above');
  })();
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('the demo was not ready in time')), READY_WITHIN_MS).unref();
  });
  return Promise.race([summary, late]);
}

export default async function start(): Promise<() => Promise<void>> {
  // A demo that runs already, while journeys are being written.
  if (process.env[WORLD]) return async () => {};
  const root = resolve(__dirname, '../../..');
  const binary = process.env.PURSER_BINARY ?? join(root, 'target/debug/purser');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: run the journeys through \`make e2e\``);
  const directory = await mkdtemp(join(tmpdir(), 'purser-e2e-'));
  const [port, sandboxPort] = [await freePort(), await freePort()];
  // An empty value is none: what the shell has set is for another Purser.
  const env: Record<string, string> = { DATABASE_URL: '', PURSER_PUBLIC_URL: '', SMTP_URL: '' };
  env.PURSER_DATA_DIR = directory;
  env.PURSER_BIND = `127.0.0.1:${port}`;

  const demo = spawn(binary, ['demo', '--json', '--sandbox-port', String(sandboxPort)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(demo, 'exit');
  const stop = async () => {
    if (demo.exitCode === null) {
      demo.kill('SIGTERM');
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const summary = await told(demo);
    const world: World = {
      app: `http://127.0.0.1:${port}`,
      sandbox: `http://127.0.0.1:${sandboxPort}`,
      env,
      binary,
      logins: summary.logins,
    };
    process.env[WORLD] = JSON.stringify(world);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
