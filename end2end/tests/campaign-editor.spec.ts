// The campaign editor, with and without JavaScript: a rule with tiers is made, told by an example, replayed on past sales,
// saved, scheduled and withdrawn; and a line's explanation as the affiliate and the company read it.
import { readFile } from 'node:fs/promises';
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { world } from './support/world';

const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click();

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target).join(' ')}`)).toEqual([]);
}

/** The running campaign of the demo's program. */
async function openCampaign(page: Page): Promise<void> {
  await page.goto(`${world().app}/admin/programs`);
  await page.locator('main td a[href^="/admin/programs/"], main th a[href^="/admin/programs/"]').first().click();
  await page.locator('main a[href^="/admin/campaigns/cmp_"]').first().click();
}

async function newTieredCampaign(page: Page, name: string): Promise<void> {
  await page.goto(`${world().app}/admin/programs`);
  await page.locator('main td a[href^="/admin/programs/"], main th a[href^="/admin/programs/"]').first().click();
  await page.getByRole('link', { name: 'New campaign' }).first().click();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Percent').fill('20');
  await page.getByLabel('Which payments of a customer').selectOption('months');
  await page.getByLabel('How many').fill('12');
  await press(page, 'Add a tier');
  // What was typed is still there.
  await expect(page.getByLabel('Name')).toHaveValue(name);
  await expect(page.getByLabel('How many')).toHaveValue('12');
  await page.getByLabel('Tier 1, from').fill('10');
  await page.getByLabel('Tier 1, earns').fill('25');
  await page.getByLabel('At most,').fill('500');
  await page.getByLabel('For', { exact: true }).selectOption('month');
  await page.getByLabel('Starts on').fill('2099-01-01');
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('a rule with tiers is told by its example, saved, scheduled anew and withdrawn', async ({ page }) => {
      await signIn(page, OWNER);
      await newTieredCampaign(page, `Tiers ${javaScriptEnabled ? 'live' : 'plain'}`);
      if (javaScriptEnabled) {
        await expect(page.getByRole('button', { name: 'Show the example' })).toBeHidden();
        await accessible(page);
      } else {
        await press(page, 'Show the example');
      }
      const example = page.getByRole('complementary', { name: 'For example' });
      await expect(example).toContainText('A sale of 100.00 USD earns 20.00 USD, and so does every payment of that customer for 12 months.');
      await expect(example).toContainText('An affiliate\'s 10th sale in a calendar month and those after it earn 25.00 USD each.');
      await expect(example).toContainText('No affiliate earns more than 500.00 USD in a calendar month.');
      await expect(page.getByText('never to those before').first()).toBeVisible();

      await page.getByLabel('Tier 1, earns').fill('125');
      await press(page, 'Make the campaign');
      await expect(page.getByLabel('Tier 1, earns')).toHaveAttribute('aria-invalid', 'true');
      await expect(page.getByLabel('Tier 1, from')).toHaveValue('10');
      await page.getByLabel('Tier 1, earns').fill('25');
      await press(page, 'Make the campaign');
      const rule = page.getByRole('table', { name: 'The rule in force, point by point' });
      await expect(rule).toContainText('25 % from the 10th sale of a month on');

      await page.getByRole('link', { name: 'Edit campaign' }).click();
      await page.getByLabel('Percent').fill('15');
      await page.getByLabel('A changed rule counts from').fill('2098-12-01T09:00');
      await press(page, /^Save$/);
      const versions = page.getByRole('table', { name: 'Rule versions' }).locator('tbody tr');
      await expect(versions).toHaveCount(2);
      await expect(versions.first()).toContainText('Scheduled');
      await expect(versions.first()).toContainText('Rate: 20 % → 15 %');
      await expect(versions.first()).toContainText('1 Dec 2098, 09:00 UTC');
      await expect(versions.first()).toContainText(OWNER.email);
      await expect(versions.last()).toContainText('In force');
      await page.locator('summary', { hasText: 'Withdraw' }).click();
      await press(page, 'Withdraw version 2');
      await expect(versions.first()).toContainText('Withdrawn');
      await accessibleIf(javaScriptEnabled, page);
    });

    test('a line says how its amount came about, to the affiliate and to the company', async ({ page }) => {
      await signIn(page, affiliate('mara'));
      await page.goto(`${world().app}/earnings`);
      await page.getByRole('link', { name: 'Commission', exact: true }).first().click();
      const calculated = page.getByRole('table', { name: 'How the amount was calculated' });
      await expect(calculated.getByRole('row', { name: /^Paid by the customer/ })).toContainText('USD');
      await expect(calculated.getByRole('row', { name: /^Rate/ })).toContainText('%');
      await expect(page.getByText('It is credited to you because').first()).toBeVisible();
      await expect(page.getByText('Customer paid on')).toBeVisible();
      const amount = (await page.getByRole('heading', { level: 1 }).textContent())!.match(/of ([\d.,]+) [A-Z]{3}/)![1];
      await expect(calculated.getByRole('row', { name: /^Earned/ })).toContainText(amount);
      await accessibleIf(javaScriptEnabled, page);

      await page.context().clearCookies();
      await signIn(page, OWNER);
      await page.goto(`${world().app}/admin/commissions?kind=commission`);
      await page.getByRole('link', { name: 'Commission', exact: true }).first().click();
      await expect(calculated.getByRole('row', { name: /^What counts/ })).toBeVisible();
      await accessibleIf(javaScriptEnabled, page);
    });
  });
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'a replay with JavaScript' : 'a replay without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('a draft is replayed on past sales, told per affiliate, and nothing is saved', async ({ page }) => {
      await signIn(page, OWNER);
      // Where Mara's sales are.
      await page.goto(`${world().app}/admin/programs`);
      await page.getByRole('link', { name: 'Quillmoss Partners' }).first().click();
      await page.locator('main a[href^="/admin/campaigns/cmp_"]').first().click();
      const campaign = page.url();
      await page.getByRole('link', { name: 'Edit campaign' }).click();
      await page.getByLabel('Percent').fill('200');
      await press(page, 'Replay on past sales');
      await expect(page.getByText('Give a percentage above 0')).toBeVisible();
      await page.getByRole('link', { name: 'Back to the form' }).click();
      await expect(page.getByLabel('Percent')).toHaveValue('200');
      await page.getByLabel('Percent').fill('100');
      await press(page, 'Replay on past sales');
      await expect(page.getByText(/^Rate: .* → 100 %$/)).toBeVisible();
      const differences = page.getByRole('table', { name: /^Differences per affiliate/ });
      await expect(differences.getByRole('row', { name: /Mara Ostrow/ })).toBeVisible();
      await expect(differences.locator('tfoot')).toContainText('USD');
      await accessibleIf(javaScriptEnabled, page);

      const download = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Download CSV' }).click();
      const csv = await readFile(await (await download).path(), 'utf8');
      expect(csv.split('\r\n')[0]).toBe('affiliate,name,currency,sales,now,then,difference');
      expect(csv).toContain('"Mara Ostrow",USD,');

      await page.getByLabel('From').fill('2020-01-01');
      await page.getByLabel('Until, not in it').fill('2020-02-01');
      await press(page, /^Replay$/);
      await expect(page.getByText('No sales in this period')).toBeVisible();
      await page.goto(campaign);
      await expect(page.getByRole('table', { name: 'Rule versions' })).not.toContainText('100 %');
    });
  });
}

async function accessibleIf(possible: boolean, page: Page): Promise<void> {
  // axe runs in the page, which needs its scripts.
  if (possible) await accessible(page);
}

test('the example follows the typing', async ({ page }) => {
  await signIn(page, OWNER);
  await openCampaign(page);
  await page.getByRole('link', { name: 'Edit campaign' }).click();
  const example = page.getByRole('complementary', { name: 'For example' });
  await page.getByLabel('A sale earns').selectOption('flat');
  await expect(page.getByLabel('Percent')).toBeHidden();
  await page.getByLabel('Amount, USD').fill('7.5');
  await expect(example).toContainText('earns 7.50 USD');
  await page.getByLabel('Amount, USD').fill('7.555');
  await expect(example).toContainText('Give an amount in USD such as 25.00.');
  await page.getByLabel('Amount, USD').fill('8');
  await page.getByLabel('If a customer pays, USD').fill('2000');
  await expect(example).toContainText('A sale of 2,000.00 USD earns 8.00 USD');
});
