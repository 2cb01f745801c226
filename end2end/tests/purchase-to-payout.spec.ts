// From a purchase to a paid affiliate, all in the browser: once with its JavaScript, once without.
import { expect, test, type Browser, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { advance, settled, transfers } from './support/sandbox';
import { world } from './support/world';

const PAST_THE_HOLD_WINDOW = { days: 32 };
const PROGRAM = 'Quillmoss Partners';
// A quarter of the wall calendar's 89.00.
const COMMISSION = '22.25';

type Traveller = { name: string; code: 'sol' | 'elif'; withScripts: boolean };

for (const traveller of [
  { name: 'Sol Amberley', code: 'sol', withScripts: true },
  { name: 'Elif Marsh', code: 'elif', withScripts: false },
] satisfies Traveller[]) {
  const { name, code, withScripts } = traveller;

  test(`from a purchase to a paid affiliate, ${withScripts ? 'with' : 'without'} JavaScript`, async ({ browser }) => {
    const mine = await newPage(browser, withScripts);
    await signIn(mine, affiliate(code));
    await connectStripe(mine, name);

    await mine.goto(`${world().app}/earnings`);
    await expect(mine.getByText(`${code}.customer@example.org`)).toHaveCount(0);
    const before = await mine.getByRole('row').count();
    await buyThrough(code, await newPage(browser, withScripts));
    await seeCommissionWithinTwoSeconds(mine, before, withScripts);

    await advance(PAST_THE_HOLD_WINDOW);

    const admin = await newPage(browser, withScripts);
    await signIn(admin, OWNER);
    const transfer = await payOut(admin, name);

    await signIn(mine, affiliate(code));
    await seePaid(mine, transfer);
    const twice = (await transfers()).filter((sum) => sum.transfers !== 1);
    expect(twice, 'payouts with more or less than one transfer').toEqual([]);
  });
}

async function newPage(browser: Browser, withScripts: boolean): Promise<Page> {
  const context = await browser.newContext({ javaScriptEnabled: withScripts });
  return context.newPage();
}

/** Settings → Payment method → Stripe's hosted page → back, verified. */
async function connectStripe(page: Page, name: string): Promise<void> {
  await page.goto(`${world().app}/settings/payment-method`);
  await page.getByRole('button', { name: 'Connect Stripe Account' }).click();
  await expect(page).toHaveURL(new RegExp(`^${world().sandbox}/`));
  await page.getByLabel('Your full name').fill(name);
  await page.getByLabel(/I agree/).check();
  await page.getByRole('button', { name: 'Submit and connect' }).click();
  await expect(page).toHaveURL(new RegExp(`^${world().app}/settings/payment-method`));
  await expect(page.getByText(/connected and ready for payouts/)).toBeVisible();
  await expect(page.getByText('Ready for payouts').first()).toBeVisible();
}

/** A customer opens the affiliate's link, looks around the shop, and buys. */
async function buyThrough(code: string, customer: Page): Promise<void> {
  await customer.goto(`${world().app}/r/${code}`);
  await expect(customer).toHaveURL(new RegExp(`^${world().sandbox}/\\?via=${code}&purser_click=clk_`));
  await customer.getByLabel(/Wall calendar/).check();
  await customer.getByLabel('Your e-mail').fill(`${code}.customer@example.org`);
  await customer.getByRole('button', { name: 'Pay now' }).click();
  await expect(customer.getByRole('heading', { name: 'Thank you for your order' })).toBeVisible();
  await settled();
}

/** The page follows by itself where it can; without scripts, the next look shows it. */
async function seeCommissionWithinTwoSeconds(page: Page, rowsBefore: number, withScripts: boolean): Promise<void> {
  const arrived = Date.now();
  const newest = page.getByRole('row').nth(1);
  await expect(async () => {
    if (!withScripts) await page.reload();
    expect(await page.getByRole('row').count()).toBeGreaterThan(rowsBefore === 0 ? 1 : rowsBefore);
    await expect(newest).toContainText(COMMISSION, { timeout: 100 });
  }).toPass({ timeout: 2_000, intervals: [50] });
  expect(Date.now() - arrived).toBeLessThan(2_000);
  await expect(newest).toContainText('Pending');
  await newest.getByText('How it came about').click();
  await expect(newest.getByText(/through your referral link/)).toBeVisible();
}

/** Process Payouts Now: review in figures, confirm, watch it finish. Returns the affiliate's transfer. */
async function payOut(page: Page, name: string): Promise<string> {
  await page.goto(`${world().app}/admin/payouts`);
  await page.getByLabel('Program', { exact: true }).selectOption({ label: PROGRAM });
  await page.getByRole('button', { name: 'Process Payouts Now' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(PROGRAM);
  await expect(page.getByText('Will be paid')).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: name })).toContainText(/\d+\.\d\d/);
  await page.getByRole('button', { name: /^Pay \d+ affiliates? [\d,]+\.\d\d USD$/ }).click();

  await expect(page.getByText('Completed').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/^(All \d+ payouts have their|The one payout has its) outcome$/)).toBeVisible();
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toContainText('Posted');
  const link = row.getByRole('link', { name: /^tr_/ });
  await expect(link).toHaveAttribute('href', /dashboard\.stripe\.com\/test\/.*tr_/);
  const transfer = await link.getAttribute('title');
  expect(transfer).toMatch(/^tr_\w+$/);
  return transfer!;
}

async function seePaid(page: Page, transfer: string): Promise<void> {
  await page.goto(`${world().app}/payouts`);
  const payout = page.getByRole('row').nth(1);
  await expect(payout).toContainText('Paid');
  await expect(payout.getByTitle(transfer)).toBeVisible();
  await page.goto(`${world().app}/earnings`);
  await expect(page.getByRole('row').filter({ hasText: COMMISSION }).first()).toContainText('Paid');
  await page.goto(`${world().app}/notifications`);
  await expect(page.getByText(new RegExp(`transfer ${transfer}`))).toBeVisible();
}
