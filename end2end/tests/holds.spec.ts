// A dispute and an admin stop commissions; the affiliate, without JavaScript, reads that they wait and why; the admin decides
// several at once, and the affiliate reads what became of each.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { advance, dispute, purchase, settled, type Purchase } from './support/sandbox';
import { world } from './support/world';

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click();
const open = (page: Page, ask: string) => page.locator('summary', { hasText: ask }).first().click();

// Each earns a quarter. Amounts that nothing else in the story has, so that they name the line.
const DISPUTED = { amount: 40_404, earns: '101.01' };
const ASKED_ABOUT = { amount: 80_808, earns: '202.02' };
const DOUBTED = { amount: 121_212, earns: '303.03' };

const QUESTION = 'A question about the invoice';
const CHECKED = 'We spoke with both customers';
const MADE_UP = 'The order was placed by mistake and never delivered';

test('holds are decided several at once, and the affiliate reads why and what became of them', async ({ page: admin }) => {
  test.setTimeout(120_000);
  const [disputed] = await sold([DISPUTED.amount, ASKED_ABOUT.amount, DOUBTED.amount]);
  await dispute(disputed);
  await signIn(admin, OWNER);
  await hold(admin, ASKED_ABOUT.earns, QUESTION);
  await hold(admin, DOUBTED.earns, 'The parcel came back');

  const mine = await (await admin.context().browser()!.newContext({ javaScriptEnabled: false })).newPage();
  await signIn(mine, affiliate('tomas'));
  await readsHeld(mine, DISPUTED.earns, 'The customer disputes this payment with their bank.');
  await readsHeld(mine, ASKED_ABOUT.earns, QUESTION);

  await choose(admin, [/Dispute dp_/, new RegExp(QUESTION)]);
  await expect(admin.getByRole('heading', { level: 1 })).toHaveText('Decide 2 holds');
  await expect(admin.getByRole('row', { name: /^In all/ })).toContainText('303.03');
  await accessible(admin);
  await open(admin, 'Release…');
  await admin.locator('form[action$="decide-holds"]').first().evaluate((form) => form.setAttribute('novalidate', ''));
  await press(admin, 'Release 303.03 USD');
  await expect(admin.getByLabel('Why are they fine?')).toHaveAttribute('aria-invalid', 'true');
  await admin.getByLabel('Why are they fine?').fill(CHECKED);
  await press(admin, 'Release 303.03 USD');
  await expect(admin.getByText(/^Released: Tomas Wren/)).toBeVisible();

  await choose(admin, [/The parcel came back/]);
  await expect(admin.getByRole('heading', { level: 1 })).toHaveText('Decide 1 hold');
  await open(admin, 'Reject…');
  await expect(admin.getByText('303.03 USD is cancelled for good')).toBeVisible();
  await admin.getByLabel('Why are they cancelled?').fill(MADE_UP);
  await press(admin, 'Cancel 303.03 USD');
  await expect(admin.getByText(/^Rejected: Tomas Wren/)).toBeVisible();
  await admin.goto(`${world().app}/admin/holds?tab=decided`);
  await expect(admin.getByRole('row').filter({ hasText: MADE_UP })).toContainText('Rejected');
  await expect(admin.getByRole('row').filter({ hasText: CHECKED })).toHaveCount(2);

  await readsOutcome(mine, DISPUTED.earns, 'Pending', CHECKED);
  await readsOutcome(mine, ASKED_ABOUT.earns, 'Pending', CHECKED);
  await readsOutcome(mine, DOUBTED.earns, 'Cancelled', MADE_UP);
  await mine.goto(`${world().app}/notifications`);
  await expect(mine.getByText('303.03 USD that was on hold was cancelled')).toBeVisible();
  await expect(mine.getByText('202.02 USD is no longer on hold')).toBeVisible();
});

/** Purchases through Tomas, an hour apart, so that they don't look like a flood. */
async function sold(amounts: number[]): Promise<Purchase[]> {
  const bought: Purchase[] = [];
  for (const amount of amounts) {
    const email = `held.customer.${amount}@example.org`;
    bought.push(await purchase({ email, amount, currency: 'usd', mode: 'payment', referral: 'deskfolk' }));
    await settled();
    await advance({ hours: 2 });
  }
  return bought;
}

/** Stops one commission on its own page, which first says what that does. */
async function hold(page: Page, earns: string, why: string): Promise<void> {
  await page.goto(`${world().app}/admin/commissions?status=pending`);
  await page.getByRole('row').filter({ hasText: earns }).getByRole('link', { name: 'Commission', exact: true }).click();
  await open(page, 'Hold this commission…');
  await page.getByLabel('Why is it held?').fill(why);
  await press(page, `Hold ${earns} USD`);
  await expect(page.getByText(/^Stopped\. It isn't paid/)).toBeVisible();
}

async function line(page: Page, earns: string): Promise<void> {
  await page.goto(`${world().app}/earnings`);
  await page.getByRole('row').filter({ hasText: earns }).getByRole('link', { name: 'Commission', exact: true }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(`Commission of ${earns} USD`);
}

async function readsHeld(page: Page, earns: string, why: string): Promise<void> {
  await line(page, earns);
  await expect(page.getByText('On hold').first()).toBeVisible();
  await expect(page.locator('.timeline li').filter({ hasText: 'Put on hold' })).toContainText(why);
  await expect(page.locator('main')).not.toContainText('dp_');
  await page.goto(`${world().app}/notifications`);
  const note = page.getByRole('listitem').filter({ hasText: `${earns} USD is on hold` });
  await expect(note).toContainText(why);
  await expect(note).toContainText('neither paid nor lost until the company has decided');
}

async function readsOutcome(page: Page, earns: string, status: string, why: string): Promise<void> {
  await line(page, earns);
  await expect(page.getByText(status).first()).toBeVisible();
  const ended = status === 'Cancelled' ? 'Cancelled' : 'Released';
  await expect(page.locator('.timeline li').filter({ hasText: ended }).last()).toContainText(why);
}

async function choose(page: Page, names: RegExp[]): Promise<void> {
  await page.goto(`${world().app}/admin/holds`);
  for (const name of names) {
    await page.getByRole('checkbox', { name }).filter({ visible: true }).first().check();
  }
  await press(page, 'Decide the chosen…');
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations).toEqual([]);
}
