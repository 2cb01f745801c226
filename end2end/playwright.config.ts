import { defineConfig } from '@playwright/test';

// All journeys share one demo company and its clock, so they run one after another.
export default defineConfig({
  testDir: './tests',
  globalSetup: './tests/support/demo.ts',
  outputDir: './test-results',
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  // As for the engine's tests: where one run decides, a failed journey is tried again and named flaky.
  retries: process.env.NEXTEST_PROFILE === 'ci' ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 5_000 },
  reporter: [['list']],
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH || undefined,
      // Chromium refuses its sandbox to root, as which tests run in containers.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
    screenshot: 'only-on-failure',
  },
});
