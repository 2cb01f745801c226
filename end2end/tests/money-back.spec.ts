// Money goes back to a customer after the affiliate was paid: both portals tell what was taken back, by which arithmetic, and
// what the sale comes to. The affiliate reads it without JavaScript.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { advance, purchase, refund, settled } from './support/sandbox';
import { world } from './support/world';

const PROGRAM = 'Quillmoss Europe';
const CUSTOMER = 'clawback.customer@example.org';
const PAST_THE_HOLD_WINDOW = { days: 15 };

test('a refund of a paid sale takes back its part, and says so to the affiliate and to the company', async ({ page: admin }) => {
  test.setTimeout(120_000);
  const bought = await purchase({ email: CUSTOMER, amount: 20_000, currency: 'eur', mode: 'payment', referral: 'bruno' });
  await settled();
  await advance(PAST_THE_HOLD_WINDOW);
  await signIn(admin, OWNER);
  await payOut(admin);
  const refunded = await refund(bought, 10_000);

  const mine = await (await admin.context().browser()!.newContext({ javaScriptEnabled: false })).newPage();
  await signIn(mine, affiliate('bruno'));
  await readNotification(mine);
  await readClawback(mine);

  await admin.goto(`${world().app}/admin/sales`);
  await admin.getByRole('link', { name: CUSTOMER }).first().click();
  await readSale(admin, refunded);
});

async function payOut(page: Page): Promise<void> {
  await page.goto(`${world().app}/admin/payouts`);
  await page.getByLabel('Program', { exact: true }).selectOption({ label: PROGRAM });
  await page.getByRole('button', { name: 'Process Payouts Now' }).click();
  await page.getByRole('button', { name: /^Pay \d+ affiliates? [\d,]+\.\d\d EUR$/ }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('Completed').first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
}

async function readNotification(page: Page): Promise<void> {
  await page.goto(`${world().app}/notifications`);
  const note = page.getByRole('listitem').filter({ hasText: '20.00 EUR of paid commission was taken back' });
  await expect(note).toHaveCount(1);
  await expect(note).toContainText('20.00 EUR is netted off your next payout; nothing is taken from your bank account');
  await note.getByRole('link').click();
}

/** The page of the clawback, to which the notification leads. */
async function readClawback(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Clawback of −20.00 EUR');
  const told = 'The customer was refunded 100.00 of 200.00 EUR, so half of your 40.00 EUR commission was taken back.';
  await expect(page.getByText(told).first()).toBeVisible();
  const lines = page.getByRole('table', { name: 'Lines of the sale' });
  await expect(lines.getByRole('row', { name: /Commission/ })).toContainText('40.00');
  await expect(lines.getByRole('row', { name: /^Net/ })).toContainText('20.00');
  await expect(page.locator('.timeline li').filter({ hasText: 'Taken back' })).toContainText(told);

  await page.goto(`${world().app}/earnings`);
  await expect(page.getByRole('row').filter({ hasText: 'Clawback' }).first()).toContainText('Net of the sale 20.00');
}

/** The sale's page in the console. */
async function readSale(page: Page, refunded: string): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toContainText('200.00 EUR');
  const row = page.getByRole('table', { name: /^Refunds and disputes/ }).getByRole('row').filter({ hasText: 'Refund' }).last();
  await expect(row).toContainText('Succeeded');
  await expect(row).toContainText('100.00');
  await expect(row.getByTitle(refunded)).toBeVisible();
  const taken = page.locator('.timeline li').filter({ hasText: 'Taken back' });
  await expect(taken).toContainText("so half of the affiliate's 40.00 EUR commission was taken back");
  await expect(taken).toContainText('Net of the sale then');
  await accessible(page);
  await row.getByRole('link', { name: /^Changed by −20\.00 EUR/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Clawback of −20.00 EUR');
  await expect(page.locator('.timeline li').filter({ hasText: 'Credited' }).first()).toContainText('40.00');
  await accessible(page);
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations).toEqual([]);
}
