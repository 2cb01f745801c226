// After everything that the journeys did, the books still hold.
import { expect, test } from '@playwright/test';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { world } from './support/world';

test('after the journeys, the books hold', async () => {
  const { binary, env } = world();
  const { stdout } = await promisify(execFile)(binary, ['verify'], { env: { ...process.env, ...env } });
  expect(stdout).not.toBe('');
});
