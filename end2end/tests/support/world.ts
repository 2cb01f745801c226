// Where the demo that the journeys run in is, and who can sign in there. `demo.ts` starts it and tells.
export type Login = { email: string; password: string; url: string };

export type World = {
  app: string;
  sandbox: string;
  /** The environment that another `purser` command needs to reach the same database. */
  env: Record<string, string>;
  binary: string;
  logins: Login[];
};

export const WORLD = 'PURSER_E2E_WORLD';

export function world(): World {
  const told = process.env[WORLD];
  if (!told) throw new Error(`${WORLD} is not set: run the journeys through \`make e2e\``);
  return JSON.parse(told) as World;
}
