// What decides who is in a payout: the smallest payout of each currency, and commissions that somebody approves by hand after
// seeing what that means.
import { expect, test } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { world } from './support/world';

test('a program names the smallest payout of other currencies', async ({ page }) => {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/programs`);
  await page.getByRole('link', { name: 'Creator Bounty' }).first().click();
  await page.getByRole('link', { name: 'Edit settings' }).click();
  const currency = page.getByRole('textbox', { name: 'Currency 1', exact: true });
  const smallest = page.getByRole('textbox', { name: 'Smallest payout 1' });
  await currency.fill('jpy');
  await smallest.fill('15.50');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(smallest).toHaveAccessibleDescription(/Give an amount in JPY/);
  await expect(smallest).toHaveValue('15.50');
  await smallest.fill('1500');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('The settings are saved.')).toBeVisible();
  await expect(page.getByText('1,500 JPY; the same figure in others')).toBeVisible();

  await page.getByRole('link', { name: 'Edit settings' }).click();
  await expect(currency).toHaveValue('JPY');
  await expect(page.getByRole('textbox', { name: 'Currency 3', exact: true })).toHaveValue('');
  await currency.fill('');
  await smallest.fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('The settings are saved.')).toBeVisible();
  await expect(page.getByText('the same figure in others')).toHaveCount(0);
});

test('an affiliate reads what is missing until the next payout', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  await expect(page.getByText(/Goes into the next payout|until it is paid, from 20\.00 USD on|Paid from 20\.00 USD on/).first()).toBeVisible();
});

test('available money that nobody can be sent says what it waits for, with the way there', async ({ page }) => {
  await signIn(page, affiliate('elif'));
  await expect(page.getByText('Goes into the next payout')).toHaveCount(0);
  await page.getByRole('row').getByRole('link', { name: 'Waits for your payment method' }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Payment method');
});

test('held commissions are approved after a preview that says how many', async ({ page }) => {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/payouts`);
  await page.getByRole('link', { name: 'Process held commissions…' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Process held commissions');
  const approve = page.getByRole('button', { name: /^Approve \d+ commissions?, [\d,]+\.\d\d USD/ });
  const figures = (await approve.innerText()).replace(/^Approve /, '');
  const bounty = page.getByRole('row').filter({ hasText: 'Creator Bounty' });
  await expect(bounty).toContainText(figures.split(',')[0]);
  await approve.click();
  const [count, ...sum] = figures.split(',');
  await expect(page.getByText(`${count} ${count.startsWith('1 ') ? 'is' : 'are'} approved:${sum.join(',')}.`)).toBeVisible();
  await expect(page.getByText('Nothing to approve now')).toBeVisible();
  await expect(approve).toHaveCount(0);

  await page.goto(`${world().app}/admin/runs`);
  await expect(page.getByRole('row').nth(1)).toContainText('Commissions approved');
  await expect(page.getByRole('row').nth(1)).toContainText('approved:');
});
