// compare-sqlx COMMITTED FRESH: whether two folders of query descriptions agree. Nullability is left out: PostgreSQL's planner
// decides it, and versions differ.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [committed, fresh] = process.argv.slice(2);
const names = (folder) => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : []);
const shape = (path) => JSON.stringify(JSON.parse(readFileSync(path, "utf8")), (key, value) => (key === "nullable" ? undefined : value));

const wrong = [];
for (const name of new Set([...names(committed), ...names(fresh)])) {
  const [ours, theirs] = [join(committed, name), join(fresh, name)];
  if (!existsSync(ours)) wrong.push(`missing: ${JSON.parse(readFileSync(theirs)).query}`);
  else if (!existsSync(theirs)) wrong.push(`no longer used: ${name}`);
  else if (shape(ours) !== shape(theirs)) wrong.push(`changed: ${JSON.parse(readFileSync(theirs)).query}`);
}
for (const line of wrong) console.error(line);
process.exit(wrong.length ? 1 : 0);
