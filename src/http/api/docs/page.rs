//! The browsable page: plain HTML made from the OpenAPI document, with every route by its noun and every object once.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// Method, path and operation.
type Operation<'a> = (&'static str, &'a str, &'a Value);

/// What the page shows, in the order of the document's paths.
pub struct Page<'a> {
    document: &'a Value,
    tags: Vec<(&'a str, Vec<Operation<'a>>)>,
    schemas: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Page<'a> {
    pub fn new(document: &'a Value) -> Self {
        let mut tags: Vec<(&str, Vec<_>)> = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let tag = operation["tags"][0].as_str().unwrap_or("Other");
                let position = tags.iter().position(|(known, _)| *known == tag).unwrap_or_else(|| {
                    tags.push((tag, Vec::new()));
                    tags.len() - 1
                });
                tags[position].1.push((method, path.as_str(), operation));
            }
        }
        tags.sort_by_key(|(tag, _)| (*tag == "Me", *tag));
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        Page { document, tags, schemas: schemas.map(|(name, schema)| (name.as_str(), schema)).collect() }
    }

    pub fn render(&self) -> String {
        let mut html = String::from(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Purser API</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <link rel=\"stylesheet\" href=\"/api/docs.css\"></head><body><nav aria-label=\"Contents\"><ul>",
        );
        for (tag, _) in &self.tags {
            push(&mut html, format_args!("<li><a href=\"#{}\">{}</a></li>", anchor(tag), escaped(tag)));
        }
        html.push_str("<li><a href=\"#objects\">Objects</a></li></ul></nav><main>");
        let info = &self.document["info"];
        let about = escaped(info["description"].as_str().unwrap_or_default());
        push(&mut html, format_args!("<h1>Purser API</h1><p>{about}</p>"));
        html.push_str("<p>The same as a document for programs: <a href=\"/api/v1/openapi.json\">openapi.json</a>.</p>");
        for (tag, operations) in &self.tags {
            push(&mut html, format_args!("<section><h2 id=\"{}\">{}</h2>", anchor(tag), escaped(tag)));
            for (method, path, operation) in operations {
                render_operation(&mut html, method, path, operation);
            }
            html.push_str("</section>");
        }
        html.push_str("<section><h2 id=\"objects\">Objects</h2>");
        for (name, schema) in &self.schemas {
            render_schema(&mut html, name, schema);
        }
        html.push_str("</section></main></body></html>");
        html
    }
}

fn render_operation(html: &mut String, method: &str, path: &str, operation: &Value) {
    let needs = operation["security"][0].as_object().and_then(|scheme| scheme.iter().next());
    let needs = match needs {
        Some((_, scopes)) if scopes[0].is_string() => format!("scope {}", scopes[0].as_str().unwrap_or_default()),
        Some(_) => "an affiliate's token".to_owned(),
        None => "no key".to_owned(),
    };
    let summary = operation["summary"].as_str().unwrap_or_default();
    push(
        html,
        format_args!(
            "<article><h3><span class=\"method {method}\">{}</span> <code>{}</code></h3><p>{} <small>Needs {}.</small></p>",
            method.to_uppercase(),
            escaped(path),
            escaped(summary),
            escaped(&needs)
        ),
    );
    if let Some(parameters) = operation["parameters"].as_array().filter(|parameters| !parameters.is_empty()) {
        html.push_str(
            "<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>",
        );
        for parameter in parameters {
            row(
                html,
                &[
                    &code(parameter["name"].as_str().unwrap_or_default()),
                    &escaped(parameter["in"].as_str().unwrap_or_default()),
                    &type_of(&parameter["schema"]),
                    &escaped(parameter["description"].as_str().unwrap_or_default()),
                ],
            );
        }
        html.push_str("</tbody></table>");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        push(html, format_args!("<p>Body: {}</p>", type_of(body)));
    }
    let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    let answer = if answer.is_null() { "nothing (204)".to_owned() } else { type_of(answer) };
    push(html, format_args!("<p>Answer: {answer}</p></article>"));
}

fn render_schema(html: &mut String, name: &str, schema: &Value) {
    let description = escaped(schema["description"].as_str().unwrap_or_default());
    push(
        html,
        format_args!("<article><h3 id=\"object-{name}\"><code>{}</code></h3><p>{description}</p>", escaped(name)),
    );
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(code).collect();
        push(html, format_args!("<p>One of {}.</p>", words.join(", ")));
    }
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![schema],
    };
    for part in parts {
        if part["$ref"].is_string() {
            push(html, format_args!("<p>All of {}.</p>", type_of(part)));
        }
        let Some(properties) = part["properties"].as_object() else { continue };
        html.push_str("<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
        for (field, schema) in properties {
            row(html, &[&code(field), &type_of(schema), &escaped(schema["description"].as_str().unwrap_or_default())]);
        }
        html.push_str("</tbody></table>");
    }
    html.push_str("</article>");
}

/// The type in HTML, objects as links.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("<a href=\"#object-{name}\">{}</a>", escaped(name));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choices: Vec<String> = choices.iter().map(type_of).collect();
        return choices.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", type_of(&schema["items"])),
        Value::String(kind) => escaped(kind),
        Value::Array(kinds) if kinds.iter().any(|kind| kind == "array") => {
            format!("list of {} or null", type_of(&schema["items"]))
        }
        Value::Array(kinds) => escaped(&kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")),
        _ => "object".to_owned(),
    }
}

fn row(html: &mut String, cells: &[&str]) {
    html.push_str("<tr>");
    for cell in cells {
        push(html, format_args!("<td>{cell}</td>"));
    }
    html.push_str("</tr>");
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

fn anchor(text: &str) -> String {
    text.to_lowercase().replace(' ', "-")
}

/// Writing into a string has no way to fail.
fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
