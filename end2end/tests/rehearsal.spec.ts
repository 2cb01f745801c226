// A rehearsal from the console: what is wrong is named at its field, workers die on the way, and the proof says that nothing was
// paid twice. The form works without JavaScript; with it, the page shows the end by itself.
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { OWNER, signIn } from './support/people';
import { world } from './support/world';

const FAULTS = [
  { match: { method: 'POST', path: '/v1/transfers' }, times: 3, fault: 'timeout_after', delay_ms: 20 },
  { match: { method: 'POST', path: '/v1/transfers' }, times: 1, fault: 'account_disabled' },
];

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a rehearsal that can not be played says which field is wrong', async ({ page }) => {
    await signIn(page, OWNER);
    await page.goto(`${world().app}/admin/rehearsals`);
    const payouts = page.getByLabel('Payouts', { exact: true });
    await payouts.fill('5000');
    await page.getByRole('button', { name: 'Rehearse' }).click();
    await expect(payouts).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByText('Give a number of payouts from 1 to 2000.')).toBeVisible();
    await payouts.fill('5');
    await page.locator('summary', { hasText: 'Choose the faults' }).click();
    await page.getByLabel('Faults').fill('timeouts, please');
    await page.getByRole('button', { name: 'Rehearse' }).click();
    await expect(page.getByLabel('Faults')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('Faults')).toHaveValue(/timeouts, please/);
    await expect(payouts).toHaveValue('5');
  });
});

test('a rehearsal with lost answers and killed workers pays everybody once, and proves it', async ({ page }) => {
  test.setTimeout(240_000);
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/rehearsals`);
  await page.getByLabel('Payouts', { exact: true }).fill('12');
  await page.getByLabel('Workers to kill').fill('2');
  await page.locator('summary', { hasText: 'Choose the faults' }).click();
  await page.getByLabel('Faults').fill(JSON.stringify(FAULTS));
  await page.getByRole('button', { name: 'Rehearse' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Rehearsal of 12 payouts');

  await expect(page.getByText('Nothing paid twice')).toBeVisible({ timeout: 200_000 });
  await expect(page.getByText('2 workers were killed')).toBeVisible();
  await expect(page.getByText('The sandbox has 11 transfers in its books.')).toBeVisible();
  const ended = page.getByRole('table', { name: 'Payouts by the way they ended' });
  await expect(ended.getByRole('row', { name: /Posted/ })).toContainText('11');
  await expect(ended.getByRole('row', { name: /Failed/ })).toContainText('transfers_not_allowed');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations).toEqual([]);

  await page.goto(`${world().app}/admin/rehearsals`);
  await expect(page.getByRole('row', { name: /12 2 Nothing paid twice/ })).toBeVisible();
});
