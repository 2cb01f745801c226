// Sales that nobody is credited with, and leads, without JavaScript: the reason, what mends it, looking again, crediting by
// hand; and a customer id or a file of leads that first shows what it will do.
import { expect, test, type APIRequestContext, type Page } from '@playwright/test';
import { OWNER, signIn } from './support/people';
import { purchase, settled } from './support/sandbox';
import { world } from './support/world';

test.use({ javaScriptEnabled: false });

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click();

/** An API key of the company, for what other pages do. */
async function api(page: Page, request: APIRequestContext) {
  const name = `For ${test.info().title}`.slice(0, 60);
  await page.goto(`${world().app}/admin/settings`);
  await page.locator('summary', { hasText: 'Make an API key' }).first().click();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Scope').selectOption('write');
  await press(page, 'Make the key');
  const key = await page.getByLabel(`API key ${name}`).inputValue();
  const headers = { authorization: `Bearer ${key}` };
  return {
    post: async (path: string, data: unknown) => {
      const answer = await request.post(`${world().app}/api/v1${path}`, { headers, data });
      expect(answer.ok(), await answer.text()).toBe(true);
      return answer.json();
    },
    patch: async (path: string, data: unknown) => {
      const answer = await request.patch(`${world().app}/api/v1${path}`, { headers, data });
      expect(answer.ok(), await answer.text()).toBe(true);
      return answer.json();
    },
  };
}

/** The row of the customer in the list of unattributed sales, once the sale has come in. */
async function listed(page: Page, address: string, email: string) {
  const row = page.getByRole('table', { name: 'Unattributed sales, newest first' }).getByRole('row', { name: email });
  await expect(async () => {
    await page.goto(`${world().app}${address}`);
    await expect(row).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  return row;
}

test.beforeEach(async ({ page }) => {
  await signIn(page, OWNER);
});

test('a sale with an unknown code says which, and is credited by hand', async ({ page }) => {
  const email = 'unknown-code@example.com';
  await purchase({ email, amount: 4_900, currency: 'usd', referral: 'no-such-partner', mode: 'payment' });
  await settled();
  const row = await listed(page, '/admin/unattributed?reason=unknown_code', email);
  await expect(row).toContainText('no-such-partner');
  await expect(row.getByRole('link', { name: 'Give the code to an affiliate' })).toBeVisible();
  await row.getByRole('link', { name: 'Credit to…' }).click();
  await page.getByLabel('Name, e-mail or code').fill('mara@example.com');
  await press(page, 'Search');
  await press(page, /^Credit 49.00 USD to Mara Ostrow/);
  await expect(page.getByText('Credited. Its commission is below.')).toBeVisible();
  await expect(page.getByRole('table', { name: 'Evidence that did not count' })).toContainText('no-such-partner');
});

test('a sale of an inactive campaign is credited when it is looked at again', async ({ page, request }) => {
  const company = await api(page, request);
  const program = await company.post('/programs', { name: 'Second look', currency: 'usd', site_url: 'https://shop.example.com' });
  const rule = { type: 'percent', rate: '10' };
  const campaign = await company.post('/campaigns', { program: program.id, name: 'Later', active: false, rule });
  const enrollments = [{ program: 'second-look', code: 'second-look' }];
  await company.post('/affiliates', { email: 'look@example.com', name: 'Lou Okker', status: 'active', enrollments });
  const email = 'second-look@example.com';
  await purchase({ email, amount: 10_000, currency: 'usd', referral: 'second-look', mode: 'payment' });
  await settled();
  const here = '/admin/unattributed?reason=campaign_inactive&program=second-look';
  const row = await listed(page, here, email);
  await row.getByRole('button', { name: /^Look at the sale of/ }).click();
  await expect(page.getByText('Looked again: still nobody is credited.')).toBeVisible();
  await expect(row.getByRole('link', { name: 'See the campaigns' })).toBeVisible();
  await company.patch(`/campaigns/${campaign.id}`, { active: true });
  await page.goto(`${world().app}${here}`);
  await press(page, 'Look at all of these again');
  await expect(page.getByText('Looked at 1 again: 1 credited now.')).toBeVisible();
  await page.goto(`${world().app}/admin/sales`);
  await page.getByRole('link', { name: email }).click();
  await expect(page.getByRole('link', { name: 'Lou Okker' }).first()).toBeVisible();
  await expect(page.locator('.amount', { hasText: '10.00' }).first()).toBeVisible();
});

test('a customer id shows which past payments it would credit, and credits them', async ({ page }) => {
  const email = 'past-payment@example.com';
  await purchase({ email, amount: 10_000, currency: 'usd', mode: 'payment' });
  await settled();
  const row = await listed(page, '/admin/unattributed?reason=no_code', email);
  await row.getByRole('link', { name: email }).click();
  const customer = (await page.locator('main span[title^="cus_"]').first().getAttribute('title')) ?? '';
  await page.goto(`${world().app}/admin/leads/new`);
  await page.getByLabel('E-mail').fill('past@elsewhere.example.com');
  await page.getByLabel('Affiliate').fill('nobody@example.com');
  await press(page, 'Add the lead');
  await expect(page.getByLabel('Affiliate')).toHaveAttribute('aria-invalid', 'true');
  await page.getByLabel('Affiliate').fill('mara@example.com');
  await press(page, 'Add the lead');
  await page.getByLabel('Customer id').fill(customer);
  await press(page, 'See what it does');
  await expect(page.getByRole('table', { name: 'Past payments of the customer' })).toContainText('100.00');
  await press(page, /^Credit 1 past payment too: .* to Mara Ostrow/);
  await expect(page.getByText('The customer id is set, and 1 past payment is credited.')).toBeVisible();
});

test('a file of leads says what each row will do, and what it did', async ({ page }) => {
  await page.goto(`${world().app}/admin/leads/import`);
  await page.getByLabel('File').setInputFiles({ name: 'leads.csv', mimeType: 'text/csv', buffer: Buffer.from('e-mail,who\n') });
  await press(page, 'See what it does');
  await expect(page.getByLabel('File')).toHaveAttribute('aria-invalid', 'true');
  const rows = 'email,stripe_customer_id,affiliate\nfrom-a-file@example.com,,mara@example.com\nwrong@example.com,,nobody\n';
  await page.getByLabel('File').setInputFiles({ name: 'leads.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) });
  await press(page, 'See what it does');
  const table = page.getByRole('table', { name: 'The rows of the file' });
  await expect(table.getByRole('row', { name: /from-a-file/ })).toContainText('Will be made');
  await expect(table.getByRole('row', { name: /wrong@/ })).toContainText('Left out');
  await press(page, 'Enter 1 row, leave 1 out');
  await expect(table.getByRole('row', { name: /from-a-file/ })).toContainText('Made');
  await page.goto(`${world().app}/admin/leads?search=from-a-file`);
  await expect(page.getByRole('link', { name: 'from-a-file@example.com' })).toBeVisible();
});
