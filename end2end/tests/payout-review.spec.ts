// The review of the batch that waits in the demo: somebody is left out, it pauses for want of balance, goes on, and the
// payout that Stripe refused is tried again.
import { expect, test } from '@playwright/test';
import { OWNER, signIn } from './support/people';
import { balance, failTransfers, transfers } from './support/sandbox';
import { world } from './support/world';

const REASON = 'Their invoice is missing';
const PLENTY = 50_000_000;

test('a batch is reviewed, resumed, and its failed payout is tried again', async ({ page }) => {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/payouts?status=draft`);
  await page.getByRole('row').nth(1).getByRole('link').first().click();
  const batch = page.url();

  const payees = page.getByRole('row').filter({ has: page.getByRole('link', { name: /^Leave out/ }) });
  const before = await payees.count();
  expect(before, 'the demo drafts a batch of several').toBeGreaterThan(2);
  const leave = payees.first().getByRole('link', { name: /^Leave out/ });
  const name = (await leave.innerText()).replace(/^Leave out…\s*:?\s*/, '').trim();
  await leave.click();
  await page.getByLabel('Reason').fill(REASON);
  await page.getByRole('button', { name: /^Leave .* out$/ }).click();
  await expect(page).toHaveURL(batch);
  await expect(page.getByText(/is left out; .* is due again/)).toBeVisible();
  await expect(payees).toHaveCount(before - 1);
  await expect(page.getByRole('row').filter({ hasText: REASON })).toContainText(name);

  const manifest = await page.request.get(`${batch}/manifest.csv`);
  expect(manifest.headers()['content-type']).toContain('text/csv');
  expect((await manifest.text()).split('\r\n').filter((row) => row.startsWith('pay,'))).toHaveLength(before - 1);

  // Another window has the list open, and follows without being touched.
  const list = await page.context().newPage();
  await list.goto(`${world().app}/admin/payouts`);
  const listed = list.getByRole('row').filter({ has: list.locator(`a[href="${new URL(batch).pathname}"]`) });
  await expect(listed).toContainText('Draft');
  await page.getByRole('button', { name: 'Approve without paying yet' }).click();
  await expect(page.getByText(/approved on .* by owner@example\.com\./)).toBeVisible();
  await expect(listed).toContainText('Approved');

  await balance('usd', 0);
  await page.getByRole('button', { name: /^Pay \d+ affiliates? [\d,]+\.\d\d USD$/ }).click();
  const reason = page.getByText(/Stripe has 0\.00 USD available; the \d+ payouts that wait need [\d,.]+ USD: add [\d,.]+ USD\./);
  await expect(reason).toBeVisible({ timeout: 30_000 });
  const needed = page.getByLabel('What is still needed');
  await expect(needed).toContainText('Still to pay');
  await expect(needed).toContainText(/too little/);

  await failTransfers('account_disabled', 1);
  await expect(page.getByRole('button', { name: /^Go on: pay/ })).toBeVisible();
  // It goes on by itself, and the page follows.
  await balance('usd', PLENTY);
  await expect(page.getByText('Completed').first()).toBeVisible({ timeout: 60_000 });
  await expect(listed).toContainText('Completed');
  await list.close();
  const failed = page.getByRole('row').filter({ hasText: 'transfers_not_allowed' });
  await expect(failed).toHaveCount(1);
  await failed.getByRole('button', { name: /^Retry/ }).click();
  await expect(page.getByText(/is tried again/)).toBeVisible();
  await expect(page.getByText('Tried again as another payout').first()).toBeVisible();

  await page.goto(`${world().app}/admin/runs`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Runs');
  const run = page.getByRole('row').filter({ has: page.locator(`a[href="${new URL(batch).pathname}"]`) });
  await expect(run, 'what the run did then, and what became of its batch').toContainText('A batch was drafted for review.');
  await expect(run).toContainText('Completed');
  await expect(run).toContainText(/\d+ posted, 1 failed|\d+ posted/);
  await expect(async () => {
    const sums = await transfers();
    expect(sums.filter((sum) => sum.transfers !== 1)).toEqual([]);
  }).toPass();
});
