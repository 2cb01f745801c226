//! What the database does at best, by its own measure: pgbench, over the same kind of connection, with prepared statements.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::database::Original;
use super::names;

/// One transaction of pgbench's, and the values that it sends.
#[derive(Debug, Clone)]
pub struct Script {
    text: String,
    variables: Vec<(String, String)>,
}

impl Script {
    /// Begins with a number that no other transaction has.
    pub fn new() -> Self {
        let text = "\\set n :n + 1\n\\set unique :base + :n * 64 + :client_id\n".to_owned();
        Self { text, variables: Vec::new() }
    }

    /// One insert of the same row that the webhook door makes. The rows are never due, so nobody takes them up.
    pub fn insert(original: &Original) -> Self {
        let mut script = Self::new();
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (column, kind, value) in original.received() {
            let Some(value) = value else { continue };
            columns.push(column.to_owned());
            values.push(match column {
                "id" => format!("'evt_' || {}", names::id_sql(0, ":unique")),
                "next_attempt_at" => "'infinity'::timestamptz".to_owned(),
                _ => format!("(:{})::{kind}", script.variable(value)),
            });
        }
        let (columns, values) = (columns.join(", "), values.join(", "));
        script.line(&format!("insert into inbox_events ({columns}) values ({values}) on conflict (id) do nothing;"));
        script
    }

    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of a variable with that value.
    pub fn variable(&mut self, value: &str) -> String {
        if let Some((name, _)) = self.variables.iter().find(|(_, known)| known == value) {
            return name.clone();
        }
        let name = format!("v{}", self.variables.len());
        self.variables.push((name.clone(), value.to_owned()));
        name
    }

    /// How many statements a transaction sends, `begin` and `commit` included.
    pub fn statements(&self) -> usize {
        self.text.lines().filter(|line| line.ends_with(';') || line.ends_with("\\gset")).count()
    }
}

/// The program, if PostgreSQL's packages brought it.
#[derive(Debug)]
pub struct Pgbench {
    program: PathBuf,
    files: PathBuf,
}

impl Pgbench {
    pub fn find() -> Option<Self> {
        let program = PathBuf::from(std::env::var_os("PURSER_BENCH_PGBENCH")?);
        let files = std::env::temp_dir().join(format!("purser-bench-{}", std::process::id()));
        std::fs::create_dir_all(&files).unwrap();
        program.is_file().then_some(Self { program, files })
    }

    /// Transactions a second over that many connections; `round` keeps the numbers of one run apart from another's.
    pub async fn per_second(
        &self,
        database: &PgConnectOptions,
        script: &Script,
        connections: usize,
        time: Duration,
        round: usize,
    ) -> f64 {
        let file = self.files.join("script.sql");
        std::fs::write(&file, script.text()).unwrap();
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "--max-tries=10", "-c"]).arg(connections.to_string());
        command.arg("-j").arg(connections.min(2).to_string()).arg("-T").arg(time.as_secs().to_string());
        command.arg("-D").arg("n=0").arg("-D").arg(format!("base={}", round * 10_000_000_000));
        for (name, value) in &script.variables {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        command.arg("-f").arg(&file).args(["-h", database.get_host(), "-p", &database.get_port().to_string()]);
        command.args(["-U", database.get_username()]).arg(database.get_database().unwrap());
        let output = command.output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "pgbench failed: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            script.text()
        );
        said.lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("pgbench didn't say how fast it was: {said}"))
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        remove(&self.files);
    }
}

fn remove(files: &Path) {
    if let Err(error) = std::fs::remove_dir_all(files) {
        eprintln!("{} was left behind: {error}", files.display());
    }
}
