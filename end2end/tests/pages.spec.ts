// Every page: no accessibility violation in either colour scheme, no script that fails, nothing wider than a phone, light
// over the wire.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { world } from './support/world';

const STRANGERS = ['/sign-in', '/forgot-password', '/set-password?token=used', '/admin/sign-in', '/admin/forgot-password'];
const ADMIN = [
  '/admin',
  '/admin/payouts',
  '/admin/affiliates',
  '/admin/sales',
  '/admin/unattributed',
  '/admin/leads',
  '/admin/leads/new',
  '/admin/leads/import',
  '/admin/programs',
  '/admin/programs/new',
  '/admin/affiliates/new',
  '/admin/commissions',
  '/admin/commissions/nothing',
  '/admin/commissions/process-held',
  '/admin/campaigns/new',
  '/admin/payout-items',
  '/admin/periods',
  '/admin/periods?program=quillmoss-partners',
  '/admin/runs',
  '/admin/bank-payouts',
  '/admin/holds',
  '/admin/holds?tab=decided',
  '/admin/holds/decide',
  '/admin/claims',
  '/admin/claims?status=all',
  '/admin/ledger',
  '/admin/integrate',
  '/admin/settings',
  '/admin/rehearsals',
  '/admin/webhook-events',
  '/admin/parked-refunds',
  '/admin/mail',
];
const PORTAL = ['/', '/earnings', '/payouts', '/claims', '/notifications', '/settings/payment-method', '/settings/notifications'];

/** The lists' first detail pages, so that objects' pages are looked at as well. */
async function withDetails(page: Page, lists: string[]): Promise<string[]> {
  const found = [...lists];
  for (const list of lists) {
    await page.goto(`${world().app}${list}`);
    const inside = page.locator(`main a[href^="${list === '/' ? '/earnings' : list}/"]`);
    if ((await inside.count()) > 0) {
      const href = await inside.first().getAttribute('href');
      if (href && !found.includes(href)) found.push(href);
    }
  }
  return found;
}

async function lookAt(page: Page, paths: string[]): Promise<void> {
  test.setTimeout(30_000 + paths.length * 15_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  for (const path of paths) {
    const answer = await page.goto(`${world().app}${path}`);
    if (answer?.status() !== 200) faults.push(`${path} answers ${answer?.status()}`);
    for (const [colorScheme, width] of [['light', 1280], ['light', 375], ['dark', 375]] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 800 });
      const axe = new AxeBuilder({ page });
      // Only colours differ in the dark.
      const { violations } = await (colorScheme === 'dark' ? axe.withRules(['color-contrast']) : axe).analyze();
      for (const violation of violations) {
        const where = violation.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(' | ');
        faults.push(`${path} (${colorScheme}, ${width}px): ${violation.id}: ${violation.help} at ${where}`);
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (overflow > 0) faults.push(`${path} (${width}px): is ${overflow}px too wide`);
    }
  }
  expect(faults).toEqual([]);
}

test('pages for strangers are accessible', async ({ page }) => {
  await lookAt(page, STRANGERS);
});

test('the affiliate’s pages are accessible', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  await lookAt(page, await withDetails(page, PORTAL));
});

test('the company’s pages are accessible', async ({ page }) => {
  await signIn(page, OWNER);
  await lookAt(page, await withDetails(page, ADMIN));
});

test('an address that leads nowhere is a page that says so', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  const answer = await page.goto(`${world().app}/nowhere`);
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

for (const [portal, login, home] of [
  ['affiliate', affiliate('mara'), '/'],
  ['admin', OWNER, '/admin'],
] as const) {
  test(`a cold page of the ${portal} portal weighs less than 120 KB`, async ({ browser }) => {
    const visitor = await browser.newContext();
    const page = await visitor.newPage();
    await signIn(page, login);
    // The session stays, the cache doesn't.
    const cold = await browser.newContext({ storageState: await visitor.storageState() });
    const first = await cold.newPage();
    const devtools = await cold.newCDPSession(first);
    await devtools.send('Network.enable');
    let bytes = 0;
    const seen: string[] = [];
    devtools.on('Network.loadingFinished', (event) => {
      bytes += event.encodedDataLength;
    });
    devtools.on('Network.responseReceived', (event) => {
      seen.push(`${event.response.url} ${event.response.headers['content-encoding'] ?? 'plain'}`);
    });
    await first.goto(`${world().app}${home}`, { waitUntil: 'networkidle' });
    expect(bytes, seen.join('\n')).toBeGreaterThan(0);
    expect(bytes, seen.join('\n')).toBeLessThan(120 * 1024);
    await visitor.close();
    await cold.close();
  });
}
