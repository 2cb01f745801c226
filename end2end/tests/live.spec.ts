// Pages that follow what happens: what the reader opened stays open, and the focus stays where it is.
import { expect, test } from '@playwright/test';
import { affiliate, signIn } from './support/people';
import { purchase, settled } from './support/sandbox';
import { world } from './support/world';

test('an open page takes in a new line without closing what is being read', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  const refreshed = () => page.waitForResponse((answer) => answer.url() === `${world().app}/earnings` && !answer.request().isNavigationRequest());
  const first = refreshed();
  await page.goto(`${world().app}/earnings`);
  const read = page.locator('#lines details').first();
  const which = await read.getAttribute('id');
  await read.locator('summary').focus();
  await page.keyboard.press('Enter');
  await first;
  const explanation = page.locator(`#${which} li`).first();
  await expect(explanation).toBeVisible();

  const second = refreshed();
  await purchase({ email: 'live.customer@example.org', amount: 8_900, currency: 'usd', referral: 'mara', mode: 'payment' });
  await settled();
  await second;
  await expect(page.locator('#lines details').first()).not.toHaveAttribute('id', which!);
  await expect(page.locator('#lines details').nth(1)).toHaveAttribute('id', which!);
  await expect(explanation).toBeVisible();
  await expect(page.locator(`#${which} summary`)).toBeFocused();
  await expect(page.locator('#lines details[open]')).toHaveCount(1);
});
