// The company's everyday work in the console, without JavaScript: every act says what it does before it is done.
import { expect, test, type Page } from '@playwright/test';
import { OWNER, signIn } from './support/people';
import { world } from './support/world';

test.use({ javaScriptEnabled: false });

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click();
/** Opens an act that first says what it will do. */
const open = (page: Page, ask: string) => page.locator('summary', { hasText: ask }).first().click();

test.beforeEach(async ({ page }) => {
  await signIn(page, OWNER);
});

test('a program is made, a campaign prices its sales, and a changed rule is the next version', async ({ page }) => {
  await page.goto(`${world().app}/admin/programs/new`);
  await page.getByLabel('Name').fill('Autumn readers');
  await page.getByRole('textbox', { name: 'Currency', exact: true }).fill('eur');
  await page.getByLabel('Your site').fill('not an address');
  const smallest = page.getByRole('textbox', { name: 'Smallest payout', exact: true });
  await smallest.fill('25.50');
  await page.locator('form.form').evaluate((form) => form.setAttribute('novalidate', ''));
  await press(page, 'Make the program');
  await expect(page.getByLabel('Your site')).toHaveAttribute('aria-invalid', 'true');
  await expect(smallest).toHaveValue('25.50');
  await page.getByLabel('Your site').fill('https://shop.example.com');
  await press(page, 'Make the program');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Autumn readers');
  await expect(page.locator('.amount', { hasText: '25.50' })).toBeVisible();

  await page.getByRole('link', { name: 'New campaign' }).first().click();
  await page.getByLabel('Name').fill('A fifth for a year');
  await page.getByLabel('Which payments of a customer').selectOption('months');
  await press(page, 'Make the campaign');
  await expect(page.getByLabel('How many')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByText('Give how many, at least 1.').first()).toBeVisible();
  await page.getByLabel('How many').fill('12');
  await page.getByLabel('At most,').fill('50');
  await press(page, 'Make the campaign');
  await expect(page.getByText('20 % of each payment for 12 months').first()).toBeVisible();

  await page.getByRole('link', { name: 'Edit campaign' }).click();
  await page.getByLabel('Percent').fill('25');
  await press(page, /^Save$/);
  const versions = page.getByRole('table', { name: 'Rule versions' }).locator('tbody tr');
  await expect(versions).toHaveCount(2);
  await expect(versions.first()).toContainText('25 % of each payment for 12 months');
  await expect(versions.first()).toContainText('Rate: 20 % → 25 %');
  await expect(page.getByRole('table', { name: 'The rule in force, point by point' })).toContainText('50.00 EUR a sale');
});

test('a hold says what it stops, and the decision what becomes of it', async ({ page }) => {
  await page.goto(`${world().app}/admin/affiliates?search=quinn`);
  await page.locator('main td a[href^="/admin/affiliates/"]').first().click();
  await open(page, 'Hold what is unpaid');
  const stake = (await page.getByRole('button', { name: /^Hold / }).first().textContent())!.replace('Hold ', '');
  await page.getByLabel(/^Why is .* held/).first().fill('Many refunds in one week');
  await press(page, /^Hold /);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Hold on');
  await expect(page.getByText(stake).first()).toBeVisible();
  await page.goto(`${world().app}/admin/holds`);
  await expect(page.getByRole('row', { name: /Many refunds/ })).toBeVisible();
  await page.getByRole('row', { name: /Many refunds/ }).getByRole('link').first().click();
  await open(page, 'Release');
  await page.getByLabel('Why is it fine?').fill('Checked with the customers');
  await press(page, `Release ${stake}`);
  await expect(page.getByText('the lines are back where they were')).toBeVisible();
});

test('a sale that names nobody is credited by hand', async ({ page }) => {
  await page.goto(`${world().app}/admin/sales?attributed=false`);
  await page.locator('main td a[href^="/admin/sales/"]').first().click();
  await expect(page.getByText(/^Nobody\./)).toBeVisible();
  await open(page, 'Credit it by hand');
  await page.getByLabel('Name, e-mail or code').fill('mara@example.com');
  await press(page, 'Search');
  await press(page, /^Credit .* to Mara Ostrow/);
  await expect(page.getByText('Credited. Its commission is below.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Mara Ostrow' }).first()).toBeVisible();
});

test('an API key is shown once, and refused once it is revoked', async ({ page, request }) => {
  await page.goto(`${world().app}/admin/settings`);
  await open(page, 'Make an API key');
  await page.getByLabel('Name').fill('Bookkeeping');
  await press(page, 'Make the key');
  const key = await page.getByLabel('API key Bookkeeping').inputValue();
  const ask = () => request.get(`${world().app}/api/v1/programs`, { headers: { authorization: `Bearer ${key}` } });
  expect((await ask()).status()).toBe(200);
  await page.reload();
  await expect(page.getByLabel('API key Bookkeeping')).toHaveCount(0);
  await open(page, 'Revoke');
  await press(page, 'Revoke Bookkeeping');
  expect((await ask()).status()).toBe(401);
});

test('the books are proven on demand', async ({ page }) => {
  await page.goto(`${world().app}/admin/ledger`);
  await press(page, 'Prove the books');
  await expect(page.getByText('The books agree. Every check holds.')).toBeVisible();
});
