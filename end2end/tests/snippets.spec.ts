// The Integrate page's snippets for servers, run as they stand there: each makes a Checkout session at the sandbox, which is as
// strict with parameters as Stripe, with and without a visitor who came through an affiliate's link. Stripe's libraries are
// stood in for by a few lines that send what the snippet gave; a language that isn't installed is left out by name.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, signIn } from './support/people';
import { world } from './support/world';

const run = promisify(execFile);
const KEY = 'sk_test_sandbox';

type Params = { [name: string]: unknown };
type Session = { id: string; client_reference_id: string | null; metadata: Record<string, string>; mode: string };
type Visitor = { referral?: string; code?: string };

/** Nested parameters as Stripe's libraries send them. */
function encoded(params: Params, within = ''): [string, string][] {
  return Object.entries(params).flatMap(([name, value]): [string, string][] => {
    const path = within ? `${within}[${name}]` : name;
    if (value === undefined) return [];
    return typeof value === 'object' && value !== null ? encoded(value as Params, path) : [[path, String(value)]];
  });
}

async function post<T>(path: string, params: Params): Promise<T> {
  const answer = await fetch(`${world().sandbox}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}` },
    body: new URLSearchParams(encoded(params)),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as T;
}

async function price(): Promise<string> {
  const product = await post<{ id: string }>('/v1/products', { name: 'Subscription' });
  const recurring = { interval: 'month' };
  return (await post<{ id: string }>('/v1/prices', { product: product.id, currency: 'usd', unit_amount: 2_000, recurring })).id;
}

/** The snippet of a language, with a price that exists. */
async function snippet(page: Page, language: string): Promise<string> {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/integrate`);
  const code = await page.locator('figure', { hasText: `Checkout session, ${language}` }).locator('pre').textContent();
  return code!.replaceAll('price_…', await price());
}

async function installed(command: string): Promise<boolean> {
  return run(command, ['--version']).then(() => true, () => false);
}

const NODE = async (code: string, { referral, code: affiliate }: Visitor): Promise<Session> => {
  const stripe = { checkout: { sessions: { create: (params: Params) => post<Session>('/v1/checkout/sessions', params) } } };
  const req = { cookies: { ...(referral && { purser_referral: referral }), ...(affiliate && { purser_code: affiliate }) } };
  const AsyncFunction = (async () => {}).constructor as new (...text: string[]) => (...given: unknown[]) => Promise<Session>;
  return new AsyncFunction('req', 'stripe', `${code}\nreturn session;`)(req, stripe);
};

const PYTHON = async (code: string, { referral, code: affiliate }: Visitor): Promise<Session> => {
  const cookies = JSON.stringify({ ...(referral && { purser_referral: referral }), ...(affiliate && { purser_code: affiliate }) });
  const before = `
import json, sys, types, urllib.parse, urllib.request

def encoded(params, within=""):
    for name, value in (params.items() if isinstance(params, dict) else enumerate(params)):
        path = f"{within}[{name}]" if within else str(name)
        if isinstance(value, (dict, list)):
            yield from encoded(value, path)
        else:
            yield path, str(value)

class Session:
    @staticmethod
    def create(**params):
        body = urllib.parse.urlencode(list(encoded(params))).encode()
        request = urllib.request.Request("${world().sandbox}/v1/checkout/sessions", body, {"Authorization": "Bearer ${KEY}"})
        return json.load(urllib.request.urlopen(request))

stripe = types.SimpleNamespace(checkout=types.SimpleNamespace(Session=Session))
request = types.SimpleNamespace(cookies=json.loads('''${cookies}'''))
`;
  const { stdout } = await run('python3', ['-c', `${before}\n${code}\nprint(json.dumps(session))`]);
  return JSON.parse(stdout) as Session;
};

const CURL = async (code: string, { referral }: Visitor): Promise<Session> => {
  let command = code.replace('https://api.stripe.com', world().sandbox);
  // As its first line says.
  if (!referral) command = command.split('\n').slice(0, -2).join('\n').replace(/\\$/, '');
  const env = { ...process.env, STRIPE_SECRET_KEY: KEY, REFERRAL: referral ?? '' };
  const { stdout } = await run('bash', ['-c', command.replace('curl ', 'curl -s ')], { env });
  return JSON.parse(stdout) as Session;
};

const LANGUAGES = [
  { language: 'Node', command: 'node', makes: NODE, marks: true },
  { language: 'Python', command: 'python3', makes: PYTHON, marks: true },
  { language: 'curl', command: 'curl', makes: CURL, marks: false },
];

for (const { language, command, makes, marks } of LANGUAGES) {
  test(`the snippet for ${language} hands on who sent the visitor`, async ({ page }) => {
    test.skip(!(await installed(command)), `${command} is not installed`);
    const code = await snippet(page, language);
    const sent = await makes(code, { referral: 'clk_01j00000000000000000000000', code: 'mara' });
    expect(sent.mode).toBe('subscription');
    expect(sent.client_reference_id).toBe('clk_01j00000000000000000000000');
    if (marks) expect(sent.metadata).toEqual({ purser_code: 'mara' });

    const alone = await makes(code, {});
    expect(alone.client_reference_id).toBeNull();
    expect(alone.metadata).toEqual({});
  });
}
