// What an affiliate misses, what looks like fraud, and what an admin adds by hand: each ends in a line that the affiliate reads.
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { settled } from './support/sandbox';
import { world } from './support/world';

test.use({ javaScriptEnabled: false });

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click();
const open = (page: Page, ask: string) => page.locator('summary', { hasText: ask }).first().click();

/** A purchase that Stripe tells of, without a code unless one is given. */
async function buy(order: { email: string; amount: number; referral?: string }): Promise<void> {
  const answer = await fetch(`${world().sandbox}/sandbox/purchases`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ currency: 'usd', mode: 'payment', ...order }),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  await settled();
}

async function someoneElse(page: Page): Promise<Page> {
  const context = await page.context().browser()!.newContext({ javaScriptEnabled: false });
  return context.newPage();
}

test('a claimed purchase is credited, and the affiliate sees what it earned', async ({ page: mine }) => {
  await buy({ email: 'claimed.customer@example.org', amount: 6_400 });
  await signIn(mine, affiliate('mara'));
  await mine.goto(`${world().app}/claims`);
  await press(mine, 'Claim this purchase');
  await expect(mine.getByLabel("The customer's e-mail")).toHaveAttribute('aria-invalid', 'true');
  await mine.getByLabel("The customer's e-mail").fill('claimed.customer@example.org');
  await press(mine, 'Claim this purchase');
  await expect(mine.getByText('Received. You read here')).toBeVisible();
  const claim = mine.getByRole('row', { name: /claimed\.customer/ });
  await expect(claim).toContainText('Open');

  const admin = await someoneElse(mine);
  await signIn(admin, OWNER);
  await expect(admin.getByRole('link', { name: /^Claims \d+ open/ }).first()).toBeAttached();
  await admin.goto(`${world().app}/admin/claims`);
  await admin.getByRole('row', { name: /claimed\.customer/ }).getByRole('link').first().click();
  await expect(admin.getByText('Credited to nobody.').first()).toBeVisible();
  await press(admin, 'Credit the sale of 64.00 USD to Mara Ostrow');
  await expect(admin.getByText('Accepted: the sale is credited to Mara Ostrow.')).toBeVisible();

  await mine.reload();
  await expect(claim).toContainText('Accepted');
  await claim.getByRole('link', { name: 'See what it earned' }).click();
  // A quarter of 64.00.
  await expect(mine.getByRole('heading', { level: 1 })).toContainText('Commission of 16.00 USD');
  await mine.goto(`${world().app}/notifications`);
  await expect(mine.getByText('Your claim was accepted').first()).toBeVisible();
});

test('a declined claim gives its reason', async ({ page: mine }) => {
  await signIn(mine, affiliate('elif'));
  await mine.goto(`${world().app}/claims`);
  await mine.getByLabel('Order reference').fill('in_nobody_knows');
  await press(mine, 'Claim this purchase');
  const admin = await someoneElse(mine);
  await signIn(admin, OWNER);
  await admin.goto(`${world().app}/admin/claims`);
  await admin.getByRole('row', { name: /in_nobody_knows/ }).getByRole('link').first().click();
  await open(admin, 'Decline…');
  await admin.getByLabel('Why is it declined?').fill('There is no such invoice.');
  await press(admin, 'Decline the claim');
  await expect(admin.getByText('Declined. The affiliate is told')).toBeVisible();
  await mine.reload();
  await expect(mine.getByRole('row', { name: /in_nobody_knows/ })).toContainText('There is no such invoice.');
});

test('an own purchase is held, says so to the company alone, and is released', async ({ page: admin }) => {
  await buy({ email: 'mara+office@example.com', amount: 3_200, referral: 'mara' });
  const mine = await someoneElse(admin);
  await signIn(mine, affiliate('mara'));
  await mine.goto(`${world().app}/earnings?status=on_hold`);
  const held = mine.getByRole('row', { name: /8\.00/ });
  await expect(held).toContainText('On hold');
  await held.getByRole('link', { name: 'Commission' }).click();
  await expect(mine.getByText('The company reviews this purchase before it is paid')).toBeVisible();
  await expect(mine.locator('main')).not.toContainText('Own purchase');

  await signIn(admin, OWNER);
  await admin.goto(`${world().app}/admin/sales?flagged=true`);
  const sale = admin.getByRole('row', { name: /mara\+office/ });
  await expect(sale).toContainText('Own purchase');
  await sale.getByRole('link', { name: 'mara+office@example.com' }).click();
  await expect(admin.getByText("is Mara Ostrow's own")).toBeVisible();
  await admin.getByRole('table', { name: 'Signs of fraud' }).getByRole('link').first().click();
  await expect(admin.getByText('Sign of fraud', { exact: true })).toBeVisible();
  await open(admin, 'Release');
  await admin.getByLabel('Why is it fine?').fill('A gift for a client, agreed before');
  await press(admin, 'Release 8.00 USD');
  await expect(admin.getByText('the lines are back where they were')).toBeVisible();
  await mine.reload();
  await expect(mine.getByText('Pending').first()).toBeVisible();
});

test('a bonus says what it does before it is added, and the affiliate reads why', async ({ page: admin }) => {
  await signIn(admin, OWNER);
  await admin.goto(`${world().app}/admin/affiliates?search=elif`);
  await admin.locator('main td a[href^="/admin/affiliates/"]').first().click();
  await admin.getByRole('link', { name: 'Bonus or adjustment' }).click();
  await admin.getByLabel('Amount').fill('-5');
  await admin.getByLabel('Reason').fill('For the guest article');
  await press(admin, 'Show what it does');
  await expect(admin.getByLabel('Amount')).toHaveAttribute('aria-invalid', 'true');
  await admin.getByLabel('Amount').fill('5.50');
  await press(admin, 'Show what it does');
  await expect(admin.getByText('Available then')).toBeVisible();
  await press(admin, 'Add the bonus of 5.50 USD');
  await expect(admin.getByRole('heading', { level: 1 })).toContainText('Bonus of 5.50 USD');

  const mine = await someoneElse(admin);
  await signIn(mine, affiliate('elif'));
  await mine.goto(`${world().app}/earnings`);
  const line = mine.getByRole('row').filter({ hasText: 'Bonus' }).first();
  await expect(line).toContainText('For the guest article');
  await expect(line).toContainText('5.50');
});
