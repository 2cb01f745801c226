//! The design's absences, checked in the sources: what a module must never contain.

use std::path::{Path, PathBuf};

fn sources(under: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(under)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_path_buf(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{under} has sources");
    found
}

/// The lines of a file before its tests begin.
fn shipped(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().take_while(|(_, line)| !line.contains("#[cfg(test)]")).map(|(at, line)| (at + 1, line))
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"))
}

/// Lines of `under` that contain one of `words`, outside the folders and files in `but`.
fn lines_with(under: &[&str], words: &[&str], but: &[&str]) -> Vec<String> {
    let mut hits = Vec::new();
    for (path, text) in under.iter().flat_map(|folder| sources(folder)) {
        if is_test_file(&path) || but.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        for (at, line) in shipped(&text).filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                hits.push(format!("{}:{at}: {}", path.display(), line.trim()));
            }
        }
    }
    hits
}

#[track_caller]
fn none(hits: &[String]) {
    assert!(hits.is_empty(), "\n{}", hits.join("\n"));
}

#[test]
fn only_the_store_has_sql() {
    none(&lines_with(&["src", "app/src"], &["sqlx::query", "query!(", "query_as!(", "query_scalar!("], &["src/store"]));
}

#[test]
fn only_the_stripe_module_names_async_stripe() {
    let words = ["async_stripe", "stripe_connect::", "stripe_shared", "stripe_types", "stripe_client_core"];
    let hits = lines_with(&["src", "app/src"], &words, &["src/stripe"]);
    let foreign: Vec<String> = hits.into_iter().filter(|hit| !hit.contains("rails::stripe_connect")).collect();
    none(&foreign);
}

#[test]
fn the_clock_is_read_only_at_the_edges() {
    let edges = ["src/http", "src/jobs", "src/sandbox", "src/demo", "src/rehearsal", "src/clock.rs", "app/src"];
    none(&lines_with(&["src"], &["Utc::now(", "SystemTime::now(", "clock.now("], &edges));
}

#[test]
fn the_domain_is_pure() {
    let words = ["f32", "f64", "async ", ".await", "std::fs", "std::net", "tokio", "Utc::now", "SystemTime"];
    none(&lines_with(&["src/domain"], &words, &[]));
}

#[test]
fn nothing_is_left_for_later() {
    none(&lines_with(&["src", "app/src"], &["todo!(", "unimplemented!(", "dbg!("], &[]));
    let marks: Vec<String> = ["src", "app/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .flat_map(|(path, text)| {
            let marked = text.lines().any(|line| ["TODO", "FIXME", "XXX"].iter().any(|mark| line.contains(mark)));
            marked.then(|| path.display().to_string())
        })
        .collect();
    none(&marks);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long: Vec<String> = ["src", "app/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    none(&long);
}

#[test]
fn every_module_opens_by_saying_what_it_is_for() {
    let silent: Vec<String> = ["src", "app/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|(path, text)| !is_test_file(path) && !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    none(&silent);
}

#[test]
fn every_file_that_the_readme_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let missing: Vec<String> = links
        .filter(|link| !link.starts_with("http") && !root.join(link.split('#').next().unwrap_or(link)).exists())
        .map(str::to_owned)
        .collect();
    none(&missing);
}
