// Getting in, and not getting in.
import { expect, test } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { world } from './support/world';

test('signing in works with the keyboard alone', async ({ page }) => {
  const mara = affiliate('mara');
  await page.goto(`${world().app}/sign-in`);
  await expect(page.getByLabel('E-mail')).toBeFocused();
  await page.keyboard.type(mara.email);
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Password')).toBeFocused();
  await page.keyboard.type(mara.password);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${world().app}/`);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();
});

test('a wrong password says so, keeps the e-mail, and lets nobody in', async ({ page }) => {
  const mara = affiliate('mara');
  await page.goto(`${world().app}/sign-in`);
  await page.getByLabel('E-mail').fill(mara.email);
  await page.getByLabel('Password').fill('not the password at all');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await expect(page.getByText('This e-mail and password don\'t belong together.')).toBeVisible();
  await expect(page.getByLabel('E-mail')).toHaveValue(mara.email);
  await page.goto(`${world().app}/earnings`);
  await expect(page).toHaveURL(/\/sign-in/);
});

test('after signing in, people come to the page they asked for', async ({ page }) => {
  await page.goto(`${world().app}/earnings`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  const mara = affiliate('mara');
  await page.getByLabel('E-mail').fill(mara.email);
  await page.getByLabel('Password').fill(mara.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${world().app}/earnings`);
});

test('signing out ends the session', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto(`${world().app}/`);
  await expect(page).toHaveURL(/\/sign-in/);
});

test('an affiliate cannot open the company’s pages', async ({ page }) => {
  await signIn(page, affiliate('mara'));
  for (const path of ['/admin', '/admin/payouts', '/admin/affiliates', '/admin/webhook-events', '/admin/mail']) {
    await page.goto(`${world().app}${path}`);
    await expect(page, path).toHaveURL(/\/admin\/sign-in/);
  }
});

test('an affiliate cannot open what another earned', async ({ browser }) => {
  const [hers, his] = [await (await browser.newContext()).newPage(), await (await browser.newContext()).newPage()];
  await signIn(hers, affiliate('mara'));
  await hers.goto(`${world().app}/earnings`);
  const address = await hers.locator('main a[href^="/earnings/"]').first().getAttribute('href');
  expect((await hers.goto(`${world().app}${address}`))?.status()).toBe(200);
  await signIn(his, affiliate('tomas'));
  const answer = await his.goto(`${world().app}${address}`);
  expect(answer?.status()).toBe(404);
  await expect(his.getByText('Mara')).toHaveCount(0);
});

test('a form that comes from another site is refused', async ({ page }) => {
  await signIn(page, OWNER);
  const answer = await page.request.post(`${world().app}/admin/do/sign-out`, {
    headers: { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(403);
  const old = await page.request.post(`${world().app}/admin/do/sign-out`, {
    headers: { origin: 'https://elsewhere.example' },
    maxRedirects: 0,
  });
  expect(old.status()).toBe(403);
  await page.goto(`${world().app}/admin`);
  await expect(page).toHaveURL(`${world().app}/admin`);
});
